import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { OUR_TAG, UNFINISHED_TAG } from '../../lvm/names.ts';
import {
  sampleGroup,
  sampleLocalVolume,
  sampleMount,
  sampleObservation,
  sampleVolume,
  unitSpec,
} from '../storage-fixture.ts';
import { findSuspects } from './changed-volumes.ts';

/** Which group and logical volume a volume has been given. */
const MADE = { groupUuid: 'pool-0', volumeUuid: 'lv-v1' };
const ready = sampleLocalVolume({ status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/v1', ...MADE } });
const unrecorded = sampleLocalVolume({ status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/v1' } });
const missed = sampleLocalVolume({ status: { phase: 'Failed', reason: 'GroupMissing', sizeBytes: GIB } });
const foreign = (isForeign: boolean) =>
  sampleObservation({
    groups: [sampleGroup('pool-0', { foreign: isForeign, volumes: [sampleVolume('v1', { active: true })] })],
  });
const moved = sampleLocalVolume({ status: { phase: 'Failed', reason: 'GroupForeign', sizeBytes: GIB } });
const doubting = (uuid: string) => {
  const doubt = { reason: 'DuplicateName', message: '', recorded: uuid === 'pool-0' } as const;
  const volumes = [sampleVolume('v1', { active: true })];
  return sampleObservation({ groups: [sampleGroup('pool-0', { uuid, doubt, volumes })] });
};
const seeing = (more: Parameters<typeof sampleVolume>[1]) =>
  sampleObservation({ groups: [sampleGroup('pool-0', { volumes: [sampleVolume('v1', more)] })] });

test.each<[string, LocalVolume, ReturnType<typeof sampleObservation>, boolean]>([
  ['as its object says', ready, seeing({ active: true }), false],
  ['gone', ready, sampleObservation({ groups: [sampleGroup('pool-0')] }), true],
  ['in a group that is gone', ready, sampleObservation(), true],
  ['not active', ready, seeing({ active: false }), true],
  ['not finished', ready, seeing({ tags: [OUR_TAG, UNFINISHED_TAG] }), true],
  ['stopped by a program that was killed', ready, seeing({ active: true, suspended: true }), true],
  ['to which no file leads any more', ready, seeing({ active: true, pathless: true }), true],
  ['on a disk that was pulled and is back', ready, seeing({ active: true, detached: true }), true],
  ['on a disk that was pulled and is not', ready, seeing({ detached: true, health: 'partial' }), false],
  ['of which it is not recorded yet which it is', unrecorded, seeing({ active: true }), true],
  ['another of its name now', ready, seeing({ active: true, uuid: 'lv-other' }), true],
  ['in its own of two groups', ready, doubting('pool-0'), false],
  ['in another group of its name now', ready, doubting('other'), true],
  ['in a group that became foreign', ready, foreign(true), true],
  ['in a group that is still foreign', moved, foreign(true), false],
  ['in a group that is no longer foreign', moved, foreign(false), true],
  ['missed, and still gone', missed, sampleObservation(), false],
  ['missed, and back', missed, seeing({ active: true }), true],
  ['missed, and back without its device', missed, seeing({ active: false }), true],
  ['missed, and back with a device that leads nowhere', missed, seeing({ active: true, detached: true }), true],
])('a volume that is %s: to be looked at %s', (_, volume, seen, want) => {
  expect(findSuspects([volume], seen)).toEqual(want ? ['v1'] : []);
});

const onMountPoint = {
  ...sampleLocalVolume({
    meta: { annotations: { 'csi.aliyun.com/filesystem': 'ext4 u /' } },
    status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/mnt/a' },
  }),
  spec: unitSpec('MountPoint', '/mnt/a'),
};

test.each([
  ['mounted', [{ entry: sampleMount('/mnt/a'), identity: 'ext4 u /' }], false],
  ['not mounted', [], true],
  ['replaced by another one', [{ entry: sampleMount('/mnt/a'), identity: 'ext4 v /' }], true],
  ['not to be known', [{ entry: sampleMount('/mnt/a') }], true],
])('a volume whose filesystem is %s: to be looked at %s', (_, mountPoints, want) => {
  expect(findSuspects([onMountPoint], sampleObservation({ mountPoints }))).toEqual(want ? ['v1'] : []);
});
