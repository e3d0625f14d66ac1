import { expect, test } from 'vitest';
import { lastTimeOf, wordsOf } from './kernel-words.ts';

const LOG = `[    9.100000] XFS (dm-2): Corruption of an earlier volume of this number
[   10.000000] XFS (dm-2): Unmounting Filesystem
[   10.000001] XFS (dm-2): Mounting V5 Filesystem 2c6f
[   10.000002] XFS (dm-2): Ending clean mount
[   10.100000] XFS (dm-2): Superblock has unknown read-only compatible features (0x4) enabled.
[   10.200000] EXT4-fs error (device dm-20): ext4_lookup:1690: inode #2
[   10.300000] XFS (dm-2): Filesystem can only be safely mounted read only.
[  110.300000] BTRFS info (device sdb): first mount of filesystem 0a1b
[  110.300001] BTRFS error (device sdb state E): open_ctree failed
[  110.300002] BTRFS info (device sdb): last unmount of filesystem 0a1b
[  110.400000] device-mapper: uevent (dm-2)
[  110.500000] XFS (dm-2): SB validate failed with error -22.
[  110.600000] XFS (dm-2): Unmounting Filesystem 2c6f
[  110.700000] EXT4-fs (dm-3): mounted filesystem 3d4e r/w with ordered data mode. Quota mode: none.
[  110.800000] EXT4-fs (dm-3): unmounting filesystem 3d4e.
`;

test.each([
  [
    'dm-2',
    10,
    'XFS (dm-2): Superblock has unknown read-only compatible features (0x4) enabled. ' +
      'XFS (dm-2): Filesystem can only be safely mounted read only. XFS (dm-2): SB validate failed with error -22.',
  ],
  ['dm-2', 10.3, 'XFS (dm-2): SB validate failed with error -22.'],
  ['dm-2', 110.5, undefined],
  ['dm-20', 10, 'EXT4-fs error (device dm-20): ext4_lookup:1690: inode #2'],
  ['dm-20', 10.2, undefined],
  ['dm-3', 10, undefined],
  ['sdb', 10, 'BTRFS error (device sdb state E): open_ctree failed'],
  ['sdc', 10, undefined],
])('of a device, what the kernel said last of its trouble: %s since %d s', (name, since, words) => {
  expect(wordsOf(LOG, name, since)).toBe(words);
});

test.each([
  [LOG, 110.8],
  ['', -1],
  ['[    0.000000] Linux version 6.1\n', 0],
  ['[    3.500000] a line\nand its second half\n', 3.5],
])('what is said from now on is later than the last line', (log, time) => {
  expect(lastTimeOf(log)).toBe(time);
});
