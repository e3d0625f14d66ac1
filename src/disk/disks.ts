import type { Bytes } from '../model/bytes.ts';
import type { MediaType } from '../model/storage-class.ts';
import type { Erased } from './erase.ts';

/** A whole disk, a partition, or something that looks like one. */
export interface BlockDevice {
  /** The kernel's name: `sdb`, `nvme0n1p1`. */
  readonly name: string;
  readonly path: string;
  /** Its other names, such as /dev/disk/by-id/wwn-0x5 and /dev/mapper/mpatha; absent where it has none. */
  readonly links?: readonly string[];
  readonly majorMinor: string;
  readonly kind: DeviceKind;
  readonly size: Bytes;
  readonly mediaType: MediaType;
  readonly readOnly: boolean;
  /** Kernel names of devices built on it: device-mapper, md, bcache, loop. */
  readonly holders: readonly string[];
  /** Kernel names of its partitions. */
  readonly partitions: readonly string[];
  /**
   * What every path to the disk tells, such as `naa.5000c500a1b2c3d4`; absent where the disk tells none, and of
   * partitions.
   */
  readonly worldwideName?: string;
  /** The number its maker gave it, where the kernel tells; absent of partitions. */
  readonly serial?: string;
  /** Of a device-mapper device: what its maker, such as cryptsetup or multipath, gave it for good. */
  readonly mapperUuid?: string;
  /** Of a partition or an array: what it is called in a partition table or a superblock; content-uuid.ts. */
  readonly contentUuid?: string;
  /** Of a partition: the kernel name of its disk. */
  readonly disk?: string;
  readonly swap: boolean;
  /** Its sectors can be written one after another only, zone by zone: a shingled disk that its host has to manage. */
  readonly zoned?: true;
  /** The least that can be read or written at once, as it says itself; absent where the kernel does not tell. */
  readonly sectorBytes?: number;
  /** Of a loop device: the file that it is laid over, as the kernel names it. */
  readonly backingFile?: string;
}

export type DeviceKind = 'disk' | 'partition' | 'loop' | 'logical-volume' | 'device-mapper' | 'md' | 'unfit';

/** Something that libblkid recognises on a device. */
export interface Signature {
  /** `ext4`, `LVM2_member`, `gpt`, `swap`, … */
  readonly type: string;
  readonly offset: number;
  readonly label?: string;
  readonly uuid?: string;
}

/** What a look at the content of a device gave. Nothing was written. */
export interface Probe {
  /** The kernel refused to open it exclusively: something uses it. */
  readonly busy: boolean;
  /** Why its first or last MiB could not be read. */
  readonly unreadable?: string;
  readonly signatures: readonly Signature[];
  /** Offset of the first byte within the first MiB that is not zero. */
  readonly dataAt?: number;
  /**
   * Where LVM has it: the numbers of all states of its group that were ever written to it, in the first MiB; see
   * LvmGroup.seqno.
   */
  readonly lvmStates?: readonly number[];
}

/** The block devices of a machine; only ever read, but for `wipe`. */
export interface Disks {
  list(signal: AbortSignal): Promise<readonly BlockDevice[]>;
  /** Follows links such as /dev/disk/by-id/…; undefined when there is nothing. */
  resolve(path: string, signal: AbortSignal): Promise<string | undefined>;
  /** What the device-mapper device to which a path leads was given for good; undefined of anything else. */
  mapperUuid(path: string, signal: AbortSignal): Promise<string | undefined>;
  probe(device: Pick<BlockDevice, 'path' | 'size'>, signal: AbortSignal): Promise<Probe>;
  /**
   * Resolves once `changed` will be called when disks come and go, until aborted; rejects when that cannot be known.
   */
  watch(changed: () => void, signal: AbortSignal): Promise<void>;
  /**
   * Destroys what is on it, and has the kernel forget its partitions; refuses with Fault `precondition` while something
   * holds it. May be repeated after a cut.
   */
  wipe(
    device: Pick<BlockDevice, 'path' | 'size'> & Partial<Pick<BlockDevice, 'partitions'>>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Takes off what LVM keeps at its start, which is all that may be there: unlabel.ts. */
  unlabel(device: Pick<BlockDevice, 'path'>, signal: AbortSignal): Promise<void>;
  /**
   * Makes what is on a logical volume unreadable to the next owner of its room, as far as that is wanted: erase.ts. As
   * `wipe` otherwise.
   */
  erase(device: Erased, signal: AbortSignal): Promise<void>;
}
