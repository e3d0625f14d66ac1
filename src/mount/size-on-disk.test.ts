import { expect, test } from 'vitest';
import { MIB } from '../model/bytes.ts';
import { sizeOnDisk } from './size-on-disk.ts';

type Word = readonly [at: number, bytes: readonly number[]];

/** The first bytes of a device: zeros, but for these. */
const head = (length: number, ...words: readonly Word[]): Buffer => {
  const all = Buffer.alloc(length);
  for (const [at, bytes] of words) Buffer.from(bytes).copy(all, at);
  return all;
};
const ext = (...words: readonly Word[]): Buffer =>
  head(MIB, ...words.map(([at, bytes]) => [1024 + at, bytes] as const));

test.each<[string, string, Buffer, number | undefined]>([
  ['an ext4 in blocks of 4 KiB', 'ext4', ext([4, [0, 0, 4]], [24, [2]]), 0x40000 * 4096],
  ['an ext2 in blocks of 1 KiB', 'ext2', ext([4, [16, 39]], [24, [0]]), 10_000 * 1024],
  ['one of more than 2^32 blocks', 'ext4', ext([24, [2]], [96, [0x80]], [336, [1]]), 2 ** 32 * 4096],
  ['one with something else where the upper half would be', 'ext4', ext([4, [1]], [24, [2]], [336, [1]]), 4096],
  ['an ext4 whose blocks cannot be', 'ext4', ext([4, [1]], [24, [7]]), undefined],
  ['an xfs', 'xfs', head(MIB, [4, [0, 0, 16, 0]], [8, [0, 0, 0, 0, 0, 1, 0, 0]]), 4096 * 65_536],
  ['a btrfs', 'btrfs', head(MIB, [65_648, [0, 0, 0, 16]]), 256 * MIB],
  ['zeros', 'btrfs', head(MIB), undefined],
  ['what cannot be a size', 'btrfs', head(MIB, [65_648, [0, 0, 0, 0, 0, 0, 0, 1]]), undefined],
  ['a device that ends before', 'ext4', head(1300), undefined],
  ['an xfs that ends before', 'xfs', head(15), undefined],
  ['a btrfs that ends before', 'btrfs', head(65_655), undefined],
  ['another filesystem', 'iso9660', ext([4, [1]], [24, [2]]), undefined],
])('the size of %s', (_, type, bytes, size) => {
  expect(sizeOnDisk(type, bytes)).toBe(size);
});
