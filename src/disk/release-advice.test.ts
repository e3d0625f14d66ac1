import { expect, test } from 'vitest';
import type { BlockDevice } from './disks.ts';
import { holdersOf, releaseAdvice, seekAdvice } from './release-advice.ts';

const device = (name: string, holders: readonly string[] = [], disk?: string) =>
  ({ name, holders, ...(disk === undefined ? {} : { disk }) }) as unknown as BlockDevice;

test('what stands on a volume is ended from the top', () => {
  const volume = device('dm-4', ['loop20']);
  const stack = [device('sdb', ['dm-4']), volume, device('loop20', ['dm-9']), device('dm-9'), device('loop3')];
  expect(holdersOf(volume, stack)).toEqual(['dm-9', 'loop20']);
  expect(releaseAdvice(['dm-9', 'loop20'])).toBe(
    'dm-9, loop20 stand on it. To end that: dmsetup remove /dev/dm-9; losetup --detach /dev/loop20',
  );
});

test('an array on the partition of a disk', () => {
  const disk = device('sdb', []);
  expect(holdersOf(disk, [disk, device('sdb1', ['md127'], 'sdb'), device('md127')])).toEqual(['md127']);
  expect(releaseAdvice(['md127'])).toBe('md127 stands on it. To end that: mdadm --stop /dev/md127');
  expect(releaseAdvice(['bcache0'])).toBe('bcache0 stands on it. See what it is, and end it.');
  expect(holdersOf(disk, [disk])).toEqual([]);
});

test('what is in use without a holder is looked for in other mount namespaces', () => {
  const found = { path: '/dev/dm-4', majorMinor: '253:4' };
  expect(seekAdvice({ ...found, swap: true })).toBe('It is in use as swap. To end that: swapoff /dev/dm-4');
  const told = seekAdvice({ ...found, swap: false });
  expect(told).toContain('btrfs filesystem show');
  expect(told).toContain("grep -l ' 253:4 ' /proc/[0-9]*/mountinfo");
});
