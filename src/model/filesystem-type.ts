import { bytes, MIB, type Bytes } from './bytes.ts';
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
