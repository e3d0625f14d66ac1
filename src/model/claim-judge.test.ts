import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from './bytes.ts';
import { judgeClaim, type ClaimUse } from './claim-judge.ts';
import { parseStorageClass } from './storage-class.ts';

type Parameters = Record<string, string>;
const LVM: Parameters = { volumeType: 'LVM' };
const judge = (parameters: Parameters, use: ClaimUse, size = GIB) =>
  judgeClaim(parseStorageClass(parameters), bytes(size), use);

test.each<[string, Parameters, ClaimUse, string]>([
  [
    'many writers',
    LVM,
    { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] },
    'access mode ReadWriteMany is not possible',
  ],
  ['many readers', LVM, { accessModes: ['ReadOnlyMany'] }, 'access mode ReadOnlyMany is not possible'],
  ['a directory as a disk', { volumeType: 'MountPoint' }, { block: true }, 'MountPoint is a directory'],
  ['a filesystem nobody makes', { ...LVM, 'csi.storage.k8s.io/fstype': 'ntfs' }, {}, 'filesystem "ntfs"'],
  ['one by the old key', { ...LVM, FSType: 'ntfs' }, {}, 'filesystem "ntfs"'],
  ['a selector', LVM, { selects: true }, 'leave spec.selector out'],
  ['a limit below the request', LVM, { limit: bytes(MIB) }, 'limit of 1 MiB is below its request of 1 GiB'],
])('a claim for %s is refused', (_, parameters, use, problem) => {
  expect(judge(parameters, use)).toEqual({ problem: expect.stringContaining(problem) });
});

test.each<[string, string[], Parameters, string]>([
  ['what mounts something else', ['bind'], LVM, 'mount option "bind" cannot be given to a volume with ext4'],
  ['what is for another filesystem', ['nouuid'], LVM, 'mount option "nouuid"'],
  ['what contradicts itself', ['ro', 'rw'], LVM, '"rw" and "ro" contradict each other'],
  ['what a mounted filesystem cannot have', ['discard'], { volumeType: 'MountPoint' }, 'mounted before'],
])('mount options with %s are refused by name, and do not matter to a raw block', (_, options, parameters, problem) => {
  const policy = parseStorageClass(parameters, options);
  expect(judgeClaim(policy, bytes(GIB))).toEqual({ problem: expect.stringContaining(problem) as string });
  expect(judgeClaim(parseStorageClass(LVM, options), bytes(GIB), { block: true })).toEqual({ size: GIB });
});

test('a raw block has no filesystem to be judged', () => {
  expect(judge({ ...LVM, 'csi.storage.k8s.io/fstype': 'ntfs' }, { block: true })).toEqual({ size: GIB });
});

test('the two keys for a filesystem at once are refused, as csi-provisioner does', () => {
  const both = { ...LVM, 'csi.storage.k8s.io/fstype': 'xfs', fstype: 'xfs' };
  expect(() => parseStorageClass(both)).toThrow('mean the same: use csi.storage.k8s.io/fstype');
});

const of = (fsType: string, kind = 'LVM'): Parameters => ({ volumeType: kind, 'csi.storage.k8s.io/fstype': fsType });

test.each<[string, Parameters, ClaimUse, number, number]>([
  ['xfs', of('xfs'), {}, MIB, 300 * MIB],
  ['xfs on a disk', of('xfs', 'Device'), {}, MIB, 300 * MIB],
  ['xfs in a mount point', of('xfs', 'MountPoint'), {}, MIB, MIB],
  ['xfs, raw', of('xfs'), { block: true }, MIB, MIB],
  ['enough for xfs', of('xfs'), {}, 300 * MIB, 300 * MIB],
  ['a limit of just the request', LVM, { limit: bytes(GIB) }, GIB, GIB],
  ['xfs within its limit', of('xfs'), { limit: bytes(GIB) }, MIB, 300 * MIB],
  ['btrfs', of('btrfs'), {}, MIB, 256 * MIB],
  ['our choice', LVM, {}, 1, 2 * MIB],
])('%s gets what it needs', (_, parameters, use, asked, size) => {
  expect(judge(parameters, use, asked)).toEqual({ size });
});

test.each<[string, Parameters, ClaimUse, number, number]>([
  ['its header', of('ext4'), {}, GIB, GIB + 16 * MIB],
  ['its header and what its filesystem needs', of('xfs'), {}, MIB, 316 * MIB],
  ['its header, and a limit is of what the claim sees', of('xfs'), { limit: bytes(300 * MIB) }, MIB, 316 * MIB],
  ['its header under a raw device too', LVM, { block: true }, MIB, 17 * MIB],
])('an encrypted volume gets %s', (_, parameters, use, asked, size) => {
  expect(judge({ ...parameters, encryption: 'luks2' }, use, asked)).toEqual({ size });
});

test('an encrypted volume that would pass 8 PiB with its header is refused', () => {
  const problem = 'no volume can have 8 PiB or more';
  expect(judge({ ...LVM, encryption: 'luks2' }, {}, Number.MAX_SAFE_INTEGER - MIB)).toEqual({ problem });
});

test.each<[string, string, ClaimUse, number, object]>([
  ['ext3', 'ext3', {}, 16_383 * GIB, { size: 16_383 * GIB }],
  [
    'more than an ext3',
    'ext3',
    {},
    16_384 * GIB,
    { problem: 'the filesystem ext3 has 15.9 TiB at most: use ext4 or xfs' },
  ],
  ['more than an ext2', 'ext2', {}, 20_000 * GIB, { problem: expect.stringContaining('15.9 TiB at most') as string }],
  ['more than that, raw', 'ext3', { block: true }, 20_000 * GIB, { size: 20_000 * GIB }],
  ['ext4', 'ext4', {}, 20_000 * GIB, { size: 20_000 * GIB }],
])('a large claim for %s', (_, type, use, asked, judged) => {
  expect(judge(of(type), use, asked)).toEqual(judged);
});

test('a limit below the minimum of the filesystem is refused with the minimum', () => {
  expect(judge(of('xfs'), { limit: bytes(200 * MIB) }, 100 * MIB)).toEqual({
    problem: 'a limit of 200 MiB is too small: the filesystem xfs needs 300 MiB',
  });
});
