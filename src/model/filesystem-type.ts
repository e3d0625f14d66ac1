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
 * The smallest device that mkfs makes the filesystem on, in bytes. xfs: xfsprogs since 5.19 refuses less than 300 MiB.
 * btrfs: mkfs.btrfs names this number (nodes of 16 KiB, metadata twice). ext3 and ext4: below it there is no journal.
 */
const SMALLEST: Readonly<Record<FilesystemType, Bytes>> = {
  ext4: bytes(2 * MIB),
  xfs: bytes(300 * MIB),
  ext3: bytes(2 * MIB),
  ext2: bytes(MIB),
  btrfs: bytes(109 * MIB),
};

export const smallestFilesystem = (type: FilesystemType): Bytes => SMALLEST[type];
