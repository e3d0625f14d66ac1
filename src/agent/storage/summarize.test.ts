import { expect, test } from 'vitest';
import { failingStandings } from './failing-standings.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { STORAGE_RESERVED } from '../../model/well-known.ts';
import type { Observation } from './observe.ts';
import { sampleDisk, sampleGroup, sampleMount, sampleObservation, sampleVolume } from '../storage-fixture.ts';
import type { Standing } from './conditions.ts';
import { summarize, summarizeFailure, type NlsStatus, type SummarizeInput } from './summarize.ts';

const NOW = '2026-01-02T00:00:00.000Z';
const BEFORE = '2026-01-01T00:00:00.000Z';
const ALL = { vgs: { include: ['.*'] }, devices: { include: ['.*'] }, mountPoints: { include: ['.*'] } };

const nls = (more: Partial<NodeLocalStorage> = {}): NodeLocalStorage => ({
  metadata: { name: 'node-a', generation: 3 },
  spec: { listConfig: ALL },
  ...more,
});
const sum = (observation: Partial<Observation>, more: Partial<SummarizeInput> = {}): NlsStatus =>
  summarize({ nls: nls(), observation: sampleObservation(observation), devices: [], standings: [], now: NOW, ...more });
const groupOf = (status: NlsStatus) => status.nodeStorageInfo?.volumeGroups?.[0];

test('groups, volumes and devices in the words of the contract, sorted', () => {
  const volumes = [sampleVolume('v2'), sampleVolume('v1', { size: bytes(2 * GIB), readOnly: true, health: 'partial' })];
  const groups = [sampleGroup('pool-1', { devices: [] }), sampleGroup('pool-0', { volumes })];
  const devices = [
    { device: sampleDisk('sdc', { mediaType: 'hdd', readOnly: true }), inUse: 'is mounted at /data' },
    { device: sampleDisk('sdb'), inUse: undefined },
  ];
  const { nodeStorageInfo, filteredStorageInfo } = sum({ groups }, { devices });
  expect(nodeStorageInfo?.volumeGroups).toMatchObject([
    {
      name: 'pool-0',
      physicalVolumes: ['/dev/sdb'],
      total: 10 * GIB,
      available: 7 * GIB,
      allocatable: 10 * GIB,
      condition: 'DiskReady',
      extentSize: 4 * MIB,
      logicalVolumes: [
        { name: 'v1', vgname: 'pool-0', total: 2 * GIB, readOnly: true, condition: 'DiskFault' },
        { name: 'v2', vgname: 'pool-0', total: GIB, condition: 'DiskReady' },
      ],
    },
    { name: 'pool-1' },
  ]);
  expect(nodeStorageInfo?.deviceInfo).toEqual([
    { name: '/dev/sdb', mediaType: 'ssd', total: 10 * GIB, readOnly: false, condition: 'DiskReady' },
    {
      name: '/dev/sdc',
      mediaType: 'hdd',
      total: 10 * GIB,
      readOnly: true,
      condition: 'DiskReady',
      inUse: 'is mounted at /data',
    },
  ]);
  expect(filteredStorageInfo).toMatchObject({
    volumeGroups: ['pool-0', 'pool-1'],
    devices: ['/dev/sdb', '/dev/sdc'],
    mountPoints: [],
  });
});

test.each([
  ["others' volumes", [sampleVolume('root', { tags: [] })], {}, 9 * GIB],
  [
    'volumes that open-local made before us are ours',
    [sampleVolume('local-1', { tags: [] }), sampleVolume('csi-1', { tags: [] })],
    {},
    10 * GIB,
  ],
  ['what LVM uses beside the volumes', [sampleVolume('v')], { free: bytes(8 * GIB) }, 9 * GIB],
  ['a mirror of ours takes its room twice', [sampleVolume('v', { taken: bytes(2 * GIB) })], {}, 10 * GIB],
])('allocatable: %s', (_, volumes, more, want) => {
  expect(groupOf(sum({ groups: [sampleGroup('pool-0', { volumes, ...more })] }))?.allocatable).toBe(want);
});

test.each([
  ['{"pool-0":"4Gi"}', 6 * GIB],
  ['{"pool-0":"10%"}', 9 * GIB],
  ['{"pool-9":"4Gi"}', 10 * GIB],
  ['{"pool-0":"100Gi"}', 0],
])('with %s reserved', (annotation, want) => {
  const annotated = nls({ metadata: { name: 'node-a', annotations: { [STORAGE_RESERVED]: annotation } } });
  expect(groupOf(sum({ groups: [sampleGroup('pool-0')] }, { nls: annotated }))?.allocatable).toBe(want);
});

test('the columns of kubectl count managed groups without what is reserved, and name what is refused', () => {
  const groups = [
    sampleGroup('pool-0', { volumes: [sampleVolume('v1', { size: bytes(2 * GIB) })] }),
    sampleGroup('foreign'),
  ];
  const refused: Standing[] = [
    { type: 'VolumeGroup/pool-1', ok: false, reason: 'InUse', message: '/dev/sdc carries ext4.' },
    { type: 'VolumeGroup/pool-2', ok: false, reason: 'InUse', message: '/dev/sdd carries xfs.' },
  ];
  const own = nls({ spec: { listConfig: { vgs: { include: ['pool-.*'] } } } });
  expect(sum({ groups }, { nls: own }).summary).toEqual({ total: '10Gi', free: '8Gi', refused: 0 });
  const metadata = { name: 'node-a', annotations: { [STORAGE_RESERVED]: '{"pool-0":"3Gi"}' } };
  expect(sum({ groups }, { nls: { ...own, metadata }, standings: refused }).summary).toEqual({
    ...{ total: '7Gi', free: '5Gi', refused: 2 },
    faults: 'InUse',
  });
});

test('a reservation that cannot be read is told, and nothing is lost', () => {
  const annotated = nls({ metadata: { name: 'node-a', annotations: { [STORAGE_RESERVED]: '{"pool-0":"much"}' } } });
  const status = sum({ groups: [sampleGroup('pool-0')] }, { nls: annotated });
  expect(status.conditions).toMatchObject([
    { type: 'ConfigAccepted', status: 'False', message: expect.stringContaining('"much"') as string },
  ]);
  expect(status.filteredStorageInfo).toMatchObject({
    volumeGroups: ['pool-0'],
    updateStatusInfo: { updateStatus: 'failed' },
  });
});

test('without include nothing is managed, and exclude wins', () => {
  const groups = [sampleGroup('pool-0'), sampleGroup('pool-1')];
  expect(sum({ groups }, { nls: nls({ spec: {} }) }).filteredStorageInfo?.volumeGroups).toEqual([]);
  const vgs = { include: ['pool-.*'], exclude: ['pool-1'] };
  expect(sum({ groups }, { nls: nls({ spec: { listConfig: { vgs } } }) }).filteredStorageInfo?.volumeGroups).toEqual([
    'pool-0',
  ]);
});

test('an invalid pattern is named, and what was managed before stays so', () => {
  const groups = [sampleGroup('pool-0'), sampleGroup('pool-1')];
  const status = sum(
    { groups },
    {
      nls: nls({
        spec: { listConfig: { ...ALL, vgs: { include: ['po(ol'] } } },
        status: { filteredStorageInfo: { volumeGroups: ['pool-1', 'gone'] } },
      }),
      devices: [{ device: sampleDisk('sdb'), inUse: undefined }],
    },
  );
  expect(status.filteredStorageInfo).toMatchObject({ volumeGroups: ['pool-1'], devices: ['/dev/sdb'] });
  expect(status.conditions).toMatchObject([
    {
      type: 'ConfigAccepted',
      status: 'False',
      reason: 'Invalid',
      message: expect.stringMatching(/spec\.listConfig\.vgs: "po\(ol" is not/) as string,
    },
  ]);
});

test.each([
  ['missing devices', sampleGroup('pool-0', { partial: true }), 'DiskFault', 'DiskFault'],
  ['no room', sampleGroup('pool-0', { free: bytes(MIB) }), 'DiskFull', 'DiskFull'],
  ['room', sampleGroup('pool-0'), 'DiskReady', 'DiskReady'],
])('a group with %s', (_, group, condition, state) => {
  const status = sum({ groups: [group] });
  expect(groupOf(status)?.condition).toBe(condition);
  expect(status.nodeStorageInfo?.state).toMatchObject({ type: state, status: 'True', lastHeartbeatTime: NOW });
});

test('a faulty group that is not managed is none of our business', () => {
  const status = sum({ groups: [sampleGroup('other', { partial: true })] }, { nls: nls({ spec: {} }) });
  expect(status.nodeStorageInfo?.state?.type).toBe('DiskReady');
});

test('mount points, one of which does not answer', () => {
  const stats = {
    total: bytes(GIB),
    used: bytes(GIB),
    available: bytes(0),
    inodes: { total: 1, used: 1, available: 0 },
  };
  const mountPoints = [
    { entry: sampleMount('/mnt/open-local/b', { options: ['ro'], root: '/sub' }) },
    { entry: sampleMount('/mnt/open-local/a'), stats },
  ];
  expect(sum({ mountPoints }).nodeStorageInfo?.mountPoints).toMatchObject([
    {
      name: '/mnt/open-local/a',
      total: GIB,
      available: 0,
      isBind: false,
      readOnly: false,
      condition: 'DiskFull',
      device: '/dev/other',
    },
    { name: '/mnt/open-local/b', total: 0, isBind: true, readOnly: true, condition: 'DiskFault' },
  ]);
});

test('the same again gives the same but for the heartbeat, in whatever order things are found', () => {
  const found = { groups: [sampleGroup('pool-0'), sampleGroup('pool-1')] };
  const standings: Standing[] = [{ type: 'VolumeGroup/pool-0', ok: false, reason: 'DeviceRefused', message: 'm' }];
  const first = sum(found, { standings, now: BEFORE });
  const again = sum({ groups: found.groups.toReversed() }, { standings, nls: nls({ status: first }) });
  const state = { ...again.nodeStorageInfo?.state, lastHeartbeatTime: BEFORE };
  expect({ ...again, nodeStorageInfo: { ...again.nodeStorageInfo, state } }).toEqual(first);
  expect(again.nodeStorageInfo?.state?.lastHeartbeatTime).toBe(NOW);
});

const standing = (ok: boolean): Standing[] => [
  { type: 'VolumeGroup/pool-0', ok, reason: 'DeviceRefused', message: 'm' },
];

test('a time moves when what it is about changes', () => {
  const first = sum({ groups: [sampleGroup('pool-0')] }, { standings: standing(false), now: BEFORE });
  const then = sum(
    { groups: [sampleGroup('pool-0', { partial: true }), sampleGroup('new')] },
    { standings: standing(true), nls: nls({ status: first }) },
  );
  expect(then.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
    ['ConfigAccepted', BEFORE],
    ['VolumeGroup/pool-0', NOW],
  ]);
  expect(then.filteredStorageInfo?.updateStatusInfo?.lastUpdateTime).toBe(NOW);
  expect(then.nodeStorageInfo?.state).toMatchObject({ type: 'DiskFault', lastTransitionTime: NOW });
});

test('a node that cannot be looked at keeps what was known, and says that it may be old', () => {
  const known = sum({ groups: [sampleGroup('pool-0')] }, { now: BEFORE });
  const status = summarizeFailure(known, 'lvm fullreport: no', NOW);
  expect(groupOf(status)).toEqual(groupOf(known));
  expect(status.nodeStorageInfo?.state).toMatchObject({
    type: 'DiskFault',
    reason: 'DiscoveryFailed',
    message: 'lvm fullreport: no',
    lastTransitionTime: NOW,
  });
  expect(summarizeFailure(undefined, 'no', NOW).nodeStorageInfo?.phase).toBe('Pending');
});

test('a disk that fails is told in the faults and is no refusal, and one that fails no more leaves no trace', () => {
  const failing = [{ device: '/dev/sdb', reason: 'IoErrors', message: 'it fails', carries: ['pool-0'] }];
  const refused = { type: 'VolumeGroup/pool-1', ok: false, reason: 'NoDevices', message: 'no disk' } as const;
  const status = sum({}, { failing, standings: [refused, ...failingStandings(failing)] });
  expect(status.summary).toMatchObject({ refused: 1, faults: 'IoErrors,NoDevices' });
  expect(status.failingDisks).toEqual(failing);
  expect(status.conditions?.map(({ type, reason }) => [type, reason])).toContainEqual(['Disk/sdb', 'IoErrors']);
  const after = sum({}, { nls: nls({ status }) });
  expect(after).not.toHaveProperty('failingDisks');
  expect(after.conditions?.map(({ type }) => type)).toEqual(['ConfigAccepted']);
});

test('of very many failing disks twenty are told', () => {
  const failing = Array.from({ length: 30 }, (_, at) => ({
    ...{ device: `/dev/sd${at}`, reason: 'DiskOffline', message: 'it is gone', carries: ['pool-0'] },
  }));
  const status = sum({}, { failing, standings: failingStandings(failing) });
  expect(status.failingDisks?.length).toBe(20);
  expect(status.conditions?.filter(({ type }) => type.startsWith('Disk/')).length).toBe(20);
});
