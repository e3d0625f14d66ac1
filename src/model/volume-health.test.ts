import { expect, test } from 'vitest';
import type { LocalVolume } from './local-volume.ts';
import { NO_TROUBLES, storageTroubles, type StorageTroubles } from './storage-troubles.ts';
import { recordedHealth } from './volume-health.ts';
import type { VolumeReason } from './volume-reasons.ts';

const GIB = 2 ** 30;
type Status = NonNullable<LocalVolume['status']>;

const volume = (status: Status, spec: Partial<LocalVolume['spec']> = {}): LocalVolume => ({
  metadata: { name: 'v' },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...spec },
  status: { sizeBytes: GIB, ...status },
});
const brief = (of: LocalVolume, storage: StorageTroubles | undefined = NO_TROUBLES, snapshot?: LocalVolume) =>
  recordedHealth(of, { storage, snapshot }).map(({ health, reason }) => `${health} ${reason}`);

test('nothing is wrong with a volume that is ready, and nothing is said of one that never was', () => {
  expect(brief(volume({ phase: 'Ready' }))).toEqual([]);
  const { sizeBytes, ...status } = volume({ phase: 'Failed', reason: 'GroupMissing' }).status ?? {};
  expect(sizeBytes).toBe(GIB);
  expect(brief({ ...volume({}), status })).toEqual([]);
});

test.each<[VolumeReason, Status['phase'], string[]]>([
  ['VolumeLost', 'Failed', ['data-loss VolumeLost']],
  ['GroupMissing', 'Failed', ['inaccessible GroupMissing']],
  ['UnitMissing', 'Failed', ['inaccessible UnitMissing']],
  ['GroupFaulty', 'Ready', ['degraded GroupFaulty']],
  ['NoSpace', 'Ready', []],
  ['InUse', 'Ready', []],
  ['NoSpace', 'Failed', ['inaccessible NoSpace']],
  ['FromTheFuture' as VolumeReason, 'Failed', ['inaccessible FromTheFuture']],
])('the reason %s in phase %s', (reason, phase, entries) => {
  expect(brief(volume({ phase: phase ?? 'Ready', reason, message: 'because' }))).toEqual(entries);
});

test('a message names the volume, its node and the cause', () => {
  const [entry] = recordedHealth(volume({ phase: 'Failed', reason: 'GroupMissing', message: 'pool-0 is not there' }), {
    storage: NO_TROUBLES,
  });
  expect(entry?.message).toBe('volume v on node n1: pool-0 is not there');
});

const report = (info: object, conditions: object[] = []) =>
  storageTroubles({ metadata: { name: 'n1' }, status: { nodeStorageInfo: info, conditions } } as never);
const group = (more: object) => ({
  volumeGroups: [{ name: 'pool-0', physicalVolumes: [], total: 1, available: 1, allocatable: 1, ...more }],
});

test('a group that lacks a disk is told on its volumes, and worse on those that the disk has a part of', () => {
  const partial = [{ type: 'VolumeGroup/pool-0', status: 'False', reason: 'DevicesMissing', message: 'sdb is away.' }];
  const faulty = group({ condition: 'DiskFault', logicalVolumes: [{ name: 'w', condition: 'DiskFault' }] });
  expect(brief(volume({ phase: 'Ready' }), report(faulty, partial))).toEqual(['degraded DisksMissing']);
  const [entry] = recordedHealth(volume({}), { storage: report(faulty, partial) });
  expect(entry?.message).toBe('volume v on node n1: sdb is away.');
  const broken = group({ condition: 'DiskFault', logicalVolumes: [{ name: 'v', condition: 'DiskFault' }] });
  expect(brief(volume({ phase: 'Ready' }), report(broken))).toEqual(['inaccessible VolumePartial']);
  expect(brief(volume({ phase: 'Ready' }, { vgName: 'pool-1' }), report(broken))).toEqual([]);
});

test.each([
  ['Device', { deviceInfo: [{ name: '/dev/sdb', total: 0, condition: 'DiskFault' }] }, '/dev/sdb'],
  ['MountPoint', { mountPoints: [{ name: '/mnt/a', condition: 'DiskFault' }] }, '/mnt/a'],
] as const)('a %s that cannot be read is told on its volume', (kind, info, path) => {
  const { vgName, ...spec } = volume({}).spec;
  expect(vgName).toBe('pool-0');
  const whole: LocalVolume = { ...volume({ phase: 'Ready' }), spec: { ...spec, kind, path } };
  expect(brief(whole, report(info))).toEqual(['inaccessible UnitFaulty']);
});

test('a node without a report, and one that is called lost', () => {
  const ready = volume({ phase: 'Ready' });
  expect(recordedHealth(ready, { storage: undefined }).map(({ reason }) => reason)).toEqual(['NodeNotReporting']);
  const lost = storageTroubles({ metadata: { name: 'n1', annotations: { 'csi.aliyun.com/lost': 'it burned' } } });
  const [entry] = recordedHealth(ready, { storage: lost });
  expect(entry).toMatchObject({ health: 'inaccessible', reason: 'NodeLost' });
  expect(entry?.message).toContain('it burned');
});

test('a volume that shows a snapshot whose store overflowed has lost its data, and the worst is told first', () => {
  const snapshot = { ...volume({ snapshot: { overflowed: true } }), metadata: { name: 'snap-1' } };
  const failed = volume({ phase: 'Failed', reason: 'ActivationFailed', message: 'x' });
  expect(brief(failed, NO_TROUBLES, snapshot)).toEqual([
    'data-loss SnapshotOverflowed',
    'inaccessible ActivationFailed',
  ]);
  expect(brief(volume({ phase: 'Ready' }), NO_TROUBLES, volume({ snapshot: { overflowed: false } }))).toEqual([]);
});

test('a disk that fails below a volume or its group makes it degraded, whatever else is told', () => {
  const failing = [
    { device: '/dev/sdb', reason: 'IoErrors', message: 'disk sdb fails.', carries: ['pool-0', '/mnt/open-local/a'] },
    { device: '/dev/sdc', reason: 'DiskOffline', message: 'disk sdc fails.', carries: ['pool-0'] },
  ];
  const reported = (info: object) =>
    storageTroubles({
      metadata: { name: 'n1' },
      status: { nodeStorageInfo: info, failingDisks: failing },
    });
  const well = reported(group({}));
  expect(brief(volume({ phase: 'Ready' }), well)).toEqual(['degraded DiskFailing']);
  expect(recordedHealth(volume({}), { storage: well })[0]?.message).toBe(
    'volume v on node n1: disk sdb fails. disk sdc fails.',
  );
  expect(brief(volume({ phase: 'Ready' }, { vgName: 'pool-1' }), well)).toEqual([]);
  const unit = { kind: 'MountPoint', path: '/mnt/open-local/a' } as const;
  expect(brief(volume({ phase: 'Ready' }, unit), well)).toEqual(['degraded DiskFailing']);
  const faulty = reported(group({ condition: 'DiskFault' }));
  expect(brief(volume({ phase: 'Ready' }), faulty)).toEqual(['degraded DisksMissing', 'degraded DiskFailing']);
});
