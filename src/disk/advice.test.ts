import { expect, test } from 'vitest';
import { adviceFor, adviceForOrphan, type Ties } from './advice.ts';
import type { Signature } from './disks.ts';

const DESTROYS = /wipefs|pvremove|\bdd\b/;
const carries = (type: string, uuid?: string): readonly Signature[] => [
  { type, offset: 0, ...(uuid === undefined ? {} : { uuid }) },
];

test.each<[string, readonly Signature[], Ties, RegExp]>([
  ['a filesystem', carries('ext4'), {}, /^If its data is not needed: wipefs --all \/dev\/sdb && dd if/],
  ['a partition table', carries('gpt'), { absentGroups: [] }, /wipefs/],
  ['data of no known kind', [], {}, /wipefs/],
])('%s may be wiped', (_, signatures, ties, says) => {
  expect(adviceFor('/dev/sdb', signatures, ties)).toMatch(says);
});

test.each<[string, readonly Signature[], Ties, RegExp]>([
  [
    'another path to a disk of a group',
    carries('LVM2_member', 'pv1'),
    { physicalVolumes: new Map([['pv1', 'pool-0']]) },
    /another path to a disk of volume group pool-0, or a copy of one/,
  ],
  ['a physical volume that lvm does not show', carries('LVM2_member', 'pv9'), {}, /filter hides it, or whose pod/],
  [
    'one that lvm has, and not here',
    carries('LVM2_member', 'pv1'),
    { physicalVolumes: new Map([['pv1', '']]) },
    /LVM does not show it here/,
  ],
  ['a member of an array', carries('linux_raid_member'), {}, /a part of something that lies on other devices too/],
  ['a member of a ZFS pool', carries('zfs_member'), {}, /a part of something/],
  ['a filesystem of several devices', carries('btrfs'), {}, /a part of something/],
  ['a backing device of bcache', carries('bcache'), {}, /a part of something/],
  ['a replica', carries('drbd'), {}, /a part of something/],
  [
    'a filesystem beside a member of an array',
    [...carries('ext4'), ...carries('linux_raid_member')],
    {},
    /a part of something/,
  ],
  ['what may be a disk of a group that is gone', [], { absentGroups: ['pool-0'] }, /pool-0 is not whole on this node/],
])('%s is not to be wiped', (_, signatures, ties, says) => {
  const advice = adviceFor('/dev/sdb', signatures, ties);
  expect(advice).toMatch(says);
  expect(advice).not.toMatch(DESTROYS);
});

test('pvremove is told for what is in no group only', () => {
  expect(adviceForOrphan('/dev/sdb', false, {})).toMatch(/^If it is not needed: pvremove \/dev\/sdb && dd/);
  expect(adviceForOrphan('/dev/sdb', true, {})).toMatch(
    /a group that LVM cannot read: bring .* back.*; or .* damaged here \(pvck \/dev\/sdb tells\)/,
  );
  expect(adviceForOrphan('/dev/sdb', true, {})).not.toMatch(DESTROYS);
  expect(adviceForOrphan('/dev/sdb', false, { absentGroups: ['pool-0'] })).not.toMatch(DESTROYS);
});
