import { bytes, GIB, MIB, type Bytes } from './bytes.ts';
import { Fault } from './fault.ts';

/** The filesystems that can be made, mounted and grown; the first one is our choice. */
export const FILESYSTEMS = ['ext4', 'xfs', 'ext3', 'ext2', 'btrfs'] as const;
export type FilesystemType = (typeof FILESYSTEMS)[number];

/** Throws Fault `invalid` for a filesystem we cannot make; an empty name means ext4. */
export function filesystemType(name: string): FilesystemType {
  if (name === '') return 'ext4';
  const found = FILESYSTEMS.find((type) => type === name);
  if (!found) throw new Fault('invalid', `filesystem "${name}" is not supported: use ${FILESYSTEMS.join(', ')}`);
  return found;
}

/**
 * The smallest device for a filesystem, in bytes. xfs: xfsprogs since 5.19 refuses less than 300 MiB. btrfs: the kernel
 * resizes one to no less than 256 MiB (btrfs_ioctl_resize), though mkfs makes them from 109 MiB on; one of 128 MiB
 * could never become one of 200. ext3 and ext4: below it there is no journal.
 */
const SMALLEST: Readonly<Record<FilesystemType, Bytes>> = {
  ext4: bytes(2 * MIB),
  xfs: bytes(300 * MIB),
  ext3: bytes(2 * MIB),
  ext2: bytes(MIB),
  btrfs: bytes(256 * MIB),
};

export const smallestFilesystem = (type: FilesystemType): Bytes => SMALLEST[type];

/**
 * ext2 and ext3 count blocks of 4 KiB in 32 bits: mkfs refuses a device of 16 TiB. One GiB less, since a volume is
 * rounded up to whole extents of its group.
 */
const LARGEST_EXT3 = bytes(16_383 * GIB);

/** The largest device for a filesystem, in bytes; undefined where no node has as much. */
export const largestFilesystem = (type: FilesystemType): Bytes | undefined =>
  type === 'ext2' || type === 'ext3' ? LARGEST_EXT3 : undefined;
