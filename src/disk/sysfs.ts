import { present } from '../model/present.ts';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Run } from '../exec/run.ts';
import { bytes } from '../model/bytes.ts';
import { contentUuidOf } from './content-uuid.ts';
import type { BlockDevice, DeviceKind } from './disks.ts';
import { readLinks } from './links.ts';
import { createLoopsOver, type LoopsOver } from './loop-backing.ts';
import { attribute, children } from './attribute.ts';

export interface KernelFolders {
  /** `/sys`, `/proc` and `/dev`, or a test's copy of them. */
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
}

/** sysfs counts in sectors of 512 bytes whatever the disk's own are (Documentation/ABI/stable/sysfs-block, "size"). */
const SECTOR_BYTES = 512;

/**
 * Every block device the kernel shows, disks with their partitions after them. Devices that vanish meanwhile are left
 * out.
 */
export async function readBlockDevices(
  folders: KernelFolders,
  run: Run,
  signal: AbortSignal,
): Promise<readonly BlockDevice[]> {
  const block = path.join(folders.sys, 'block');
  const swaps = await readSwaps(folders, signal);
  const names = (await readdir(block)).toSorted();
  const links = await readLinks(folders.dev);
  const shared = { folders, swaps, links, loopsOver: await createLoopsOver(block, names, run, signal) };
  const disks = await Promise.all(
    names.map(async (name) => {
      const folder = path.join(block, name);
      // Boot areas of an eMMC are disks of their own, and lie in its folder too.
      const isPart = (child: string): boolean => child.startsWith(name) && !names.includes(child);
      const partitions = (await children(folder)).filter(isPart).toSorted();
      const disk = await readDevice({ folder, name, partitions, ...shared }, signal);
      const rotational = await attribute(folder, 'queue/rotational', signal);
      if (!disk || (await attribute(folder, 'hidden', signal)) === '1') return [];
      // Documentation/ABI/stable/sysfs-block; what is `host-aware` takes writes in any order.
      const isZoned = (await attribute(folder, 'queue/zoned', signal)) === 'host-managed';
      const sectorBytes = Number(await attribute(folder, 'queue/logical_block_size', signal)) || undefined;
      const ofDisk = { ...(isZoned ? { zoned: true as const } : {}), ...present({ sectorBytes }) };
      const worldwideName = await worldwideNameOf(folder, signal);
      const serial = await serialOf(folder, signal);
      const whole: BlockDevice = {
        ...disk,
        mediaType: rotational === '1' ? 'hdd' : 'ssd',
        ...present({ worldwideName, serial }),
        ...ofDisk,
      };
      const parts = await Promise.all(
        partitions.map(async (part) => {
          const found = { folder: path.join(folder, part), name: part, partitions: [], ...shared };
          const device = await readDevice(found, signal);
          return device
            ? [{ ...device, kind: 'partition' as const, disk: name, mediaType: whole.mediaType, ...ofDisk }]
            : [];
        }),
      );
      return [whole, ...parts.flat()];
    }),
  );
  return disks.flat();
}

interface Found {
  readonly folder: string;
  readonly name: string;
  readonly partitions: readonly string[];
  readonly folders: KernelFolders;
  readonly swaps: ReadonlySet<string>;
  readonly loopsOver: LoopsOver;
  readonly links: ReadonlyMap<string, readonly string[]>;
}

async function readDevice(found: Found, signal: AbortSignal): Promise<BlockDevice | undefined> {
  const { folder, name, partitions, folders, swaps, loopsOver, links } = found;
  const [majorMinor, sectors, ro, dmUuid, backingFile, uevent] = await Promise.all(
    ['dev', 'size', 'ro', 'dm/uuid', 'loop/backing_file', 'uevent'].map((file) => attribute(folder, file, signal)),
  );
  if (majorMinor === undefined || sectors === undefined) return undefined;
  const device = path.join(folders.dev, name.replaceAll('!', '/')); // the kernel writes cciss/c0d0 as cciss!c0d0
  return {
    name,
    path: device,
    majorMinor,
    kind: kindOf(name, dmUuid),
    size: bytes(BigInt(sectors) * BigInt(SECTOR_BYTES)),
    mediaType: 'ssd',
    readOnly: ro === '1',
    holders: [...(await children(path.join(folder, 'holders'))), ...(await loopsOver(device))],
    partitions,
    swap: swaps.has(device),
    ...present({
      links: links.get(device),
      backingFile,
      mapperUuid: dmUuid || undefined,
      contentUuid: contentUuidOf(uevent, links.get(device)),
    }),
  };
}

/**
 * Virtio disks have it at the disk, SCSI disks in a page of vital product data, after four bytes of header (SPC-4,
 * 7.8.17).
 */
async function serialOf(folder: string, signal: AbortSignal): Promise<string | undefined> {
  const page = (await attribute(folder, 'device/vpd_pg80', signal))?.slice(4);
  return (await attribute(folder, 'serial', signal)) || page?.replaceAll('\0', '').trim() || undefined;
}

/** Of a disk to which nobody gave one: zeros behind the digit that tells its form (SPC-4, 7.8.6.6), or ones. */
const NO_NAME = /^(?:\w+\.)?(?:[56]?[0-]+|f+)$/i;

/**
 * SCSI disks have it at their device, NVMe disks at the disk itself; cards and eMMC call it CID. Many disks have the
 * name of those that have none, and it tells none of them.
 */
async function worldwideNameOf(folder: string, signal: AbortSignal): Promise<string | undefined> {
  for (const file of ['device/wwid', 'wwid', 'device/cid']) {
    const found = await attribute(folder, file, signal);
    if (found) return NO_NAME.test(found) ? undefined : found;
  }
  return undefined;
}

/** lvm2 gives its device-mapper devices a UUID that starts with `LVM-`. */
function kindOf(name: string, dmUuid: string | undefined): DeviceKind {
  if (name.startsWith('dm-')) return dmUuid?.startsWith('LVM-') ? 'logical-volume' : 'device-mapper';
  if (name.startsWith('loop')) return 'loop';
  if (/^md\d|^md_/.test(name)) return 'md';
  return /^(ram|zram|sr|fd)\d|^mmcblk\d+(boot\d+|rpmb)$/.test(name) ? 'unfit' : 'disk';
}

/** /proc/swaps: a header, then one line per area with its path first, blanks written as \040. */
async function readSwaps({ proc }: KernelFolders, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const text = (await attribute(proc, 'swaps', signal)) ?? '';
  return new Set(
    text
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s/)[0] ?? ''),
  );
}
