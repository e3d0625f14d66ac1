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
