import { expect, test } from 'vitest';
import { wordsOf } from './kernel-words.ts';

const LOG = `XFS (dm-2): Mounting V5 Filesystem
XFS (dm-2): Superblock has unknown read-only compatible features (0x4) enabled.
EXT4-fs error (device dm-20): ext4_lookup:1690: inode #2
XFS (dm-2): Filesystem can only be safely mounted read only.
BTRFS error (device sdb state E): open_ctree failed
device-mapper: uevent (dm-2)
XFS (dm-2): SB validate failed with error -22.
`;

test.each([
  [
    'dm-2',
    'XFS (dm-2): Superblock has unknown read-only compatible features (0x4) enabled. ' +
      'XFS (dm-2): Filesystem can only be safely mounted read only. XFS (dm-2): SB validate failed with error -22.',
  ],
  ['dm-20', 'EXT4-fs error (device dm-20): ext4_lookup:1690: inode #2'],
  ['sdb', 'BTRFS error (device sdb state E): open_ctree failed'],
  ['sdc', undefined],
])('of a device, what the kernel said last: %s', (name, words) => {
  expect(wordsOf(LOG, name)).toBe(words);
});
