import { present } from '../../../src/model/present.ts';
/** A SCSI disk of the node: it may be plugged in and pulled while the node runs. */
export interface Disk {
  /** Its serial number; letters, digits and dashes, at most 20. The node finds it by this. */
  readonly serial: string;
  /** A raw image on this machine. Two disks may have the same: then they are two paths to one. */
  readonly file: string;
  /** Bytes of a sector: logical, and physical when that is larger. Absent: 512. */
  readonly sectorBytes?: 512 | 4096;
  readonly physicalSectorBytes?: 512 | 4096;
  readonly readOnly?: boolean;
  /** Reading it fails from this byte on. */
  readonly failsFrom?: number;
  /** Every write is also recorded in this file, in the format of the kernel's dm-log-writes. */
  readonly writeLog?: string;
  /** Identity (WWN) shared by two disks with the same file, which are two paths to one disk. */
  readonly wwn?: string;
  /** Its place on the bus, 0 to 255; absent: any free one. */
  readonly scsiId?: number;
}

/** A disk as QEMU knows it: named nodes that hold its content, and the device that the guest sees. */
export interface DiskArguments {
  /** For `blockdev-add` in this order, and for `blockdev-del` in reverse. */
  readonly blockdevs: readonly Record<string, unknown>[];
  readonly device: Record<string, unknown>;
}

/** Pure: what QEMU is told about a disk, on its command line or by QMP. */
export function diskArguments(disk: Disk): DiskArguments {
  const { serial, readOnly = false, sectorBytes = 512, physicalSectorBytes = sectorBytes } = disk;
  const top = `disk-${serial}`;
  return {
    blockdevs: content(disk, top).map((node) => ({
      ...node,
      'read-only': readOnly,
      // Caching is safe against a power cut of the node, not of this machine, and twice as fast.
      cache: { direct: false, 'no-flush': true },
    })),
    device: {
      driver: 'scsi-hd',
      id: `device-${serial}`,
      bus: 'scsi0.0',
      drive: top,
      serial,
      logical_block_size: sectorBytes,
      physical_block_size: physicalSectorBytes,
      'share-rw': true,
      rotation_rate: 1,
      ...present({ wwn: disk.wwn }),
      ...(disk.scsiId === undefined ? {} : { 'scsi-id': disk.scsiId }),
    },
  };
}

function content(
  { serial, file, failsFrom, writeLog, sectorBytes = 512 }: Disk,
  top: string,
): Record<string, unknown>[] {
  const base = `file-${serial}`;
  // The file is not locked: a second path or the test may open it too.
  const image = { driver: 'file', 'node-name': base, filename: file, locking: 'off', discard: 'unmap' };
  const raw = { driver: 'raw', 'node-name': `raw-${serial}`, file: base };
  if (failsFrom !== undefined) {
    const broken = { event: 'none', iotype: 'read', errno: 5, sector: -1, once: false, immediately: true };
    return [image, { driver: 'blkdebug', 'node-name': top, image: base, 'inject-error': [broken] }];
  }
  if (writeLog !== undefined) {
    const log = { driver: 'file', 'node-name': `log-${serial}`, filename: writeLog };
    const logger = { driver: 'blklogwrites', 'node-name': top, file: raw['node-name'], log: log['node-name'] };
    return [image, raw, log, { ...logger, 'log-sector-size': sectorBytes, 'log-super-update-interval': 1 }];
  }
  return [image, { ...raw, 'node-name': top }];
}
