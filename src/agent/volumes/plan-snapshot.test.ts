import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { OUR_TAG, UNFINISHED_TAG } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import { sampleGroup, sampleLocalVolume, sampleVolume } from '../storage-fixture.ts';
import { findSuspects } from './changed-volumes.ts';
import { readersOf } from './plan-snapshot.ts';
import { planLvmVolume } from './plan-volume.ts';
import { isSettled } from './is-settled.ts';

type Parts = Parameters<typeof sampleLocalVolume>[0];

const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const ready = { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/v1', groupUuid: 'pool-0' } as const;
const source = sampleLocalVolume({ status: { ...ready, volumeUuid: 'lv-v1' } });
const served = {
  ...{ ...ready, sizeBytes: 256 * MIB, devicePath: '/dev/pool-0/snap', volumeUuid: 'lv-snap' },
  snapshot: { takenAt: '2026-11-28T19:55:48Z', sourceBytes: GIB, usedBytes: 8192, overflowed: false },
};

const doubt = { reason: 'DuplicateName', message: 'two groups are called pool-0', recorded: true } as const;

const named = (name: string, spec: Partial<LocalVolume['spec']>, { meta, status }: Parts = {}): LocalVolume =>
  sampleLocalVolume({ meta: { name, ...meta }, spec, ...(status ? { status } : {}) });
const snapshot = (more: Parts = {}): LocalVolume =>
  named('snap', { role: 'Snapshot', source: { volume: 'v1' }, sizeBytes: 256 * MIB, ...more.spec }, more);
const reader = (more: Parts = {}): LocalVolume =>
  named('reader', { source: { snapshot: 'snap' }, readOnly: true, sizeBytes: 4 * GIB }, more);

const facts = { takenAt: '2026-11-28T19:55:48Z', originSize: bytes(GIB), invalid: false };
const store = (more: Partial<LvmVolume> = {}): LvmVolume =>
  sampleVolume('snap', { size: bytes(256 * MIB), origin: 'v1', snapshot: facts, active: true, ...more });
const holding = (...volumes: readonly LvmVolume[]): LvmGroup => sampleGroup('pool-0', { volumes });
const whole = sampleVolume('v1', { active: true });
const onShrunkDisk = (...volumes: readonly LvmVolume[]): LvmGroup => {
  const group = holding(...volumes);
  return { ...group, devices: group.devices.map((device) => ({ ...device, cutTo: bytes(GIB) })) };
};

const plan = (volume: LocalVolume, group: LvmGroup | undefined, ...others: readonly LocalVolume[]) =>
  planLvmVolume(volume, group ? [group] : [], new Map(others.map((other) => [other.metadata.name ?? '', other])));

const refused = (reason: string) => ({ kind: 'refuse', reason });
const waits = (reason: string, message: RegExp = /./) => ({
  kind: 'wait',
  reason,
  message: expect.stringMatching(message) as string,
});

test.each<[string, LvmGroup | undefined, object]>([
  [
    'to be taken',
    holding(sampleVolume('v0'), whole),
    { kind: 'take', sizeBytes: 256 * MIB, origin: 'v1', originUuid: 'lv-v1' },
  ],
  ['whose taking was cut', holding(whole, store({ tags: [OUR_TAG, UNFINISHED_TAG] })), { kind: 'take' }],
  ['of a volume that is gone', holding(), refused('SourceMissing')],
  [
    'of a volume that is half made',
    holding(sampleVolume('v1', { tags: [OUR_TAG, UNFINISHED_TAG] })),
    refused('SourceMissing'),
  ],
  ["of someone else's volume", holding(sampleVolume('v1', { tags: [] })), refused('SourceMissing')],
  ['of another volume of that name', holding(sampleVolume('v1', { uuid: 'lv-other' })), refused('SourceMissing')],
  ['of a volume that misses disks', holding(sampleVolume('v1', { health: 'partial' })), refused('SourceMissing')],
  [
    'of a volume that LVM is to repair',
    holding(sampleVolume('v1', { health: 'repair needed' })),
    refused('SourceMissing'),
  ],
  ['in no group', undefined, refused('GroupMissing')],
  ["in another machine's group", { ...holding(whole), foreign: true }, refused('GroupForeign')],
  ['in a group that lacks disks', { ...holding(whole), partial: true }, refused('GroupFaulty')],
  [
    'whose taking was cut, in a group that lacks disks by now: ending it would change the group',
    { ...holding(whole, store({ tags: [OUR_TAG, UNFINISHED_TAG] })), partial: true },
    refused('GroupFaulty'),
  ],
  ['in a group one of whose disks shrank', onShrunkDisk(whole), refused('GroupFaulty')],
  ['under a name that is taken', holding(whole, sampleVolume('snap', { tags: [] })), refused('NotOurs')],
  [
    'taken, and not told yet',
    holding(whole, store()),
    { kind: 'ready', sizeBytes: 256 * MIB, snapshot: { sourceBytes: GIB } },
  ],
])('a snapshot %s', (_, group, step) => {
  expect(plan(snapshot(), group, source)).toMatchObject(step);
});

test.each<[string, LvmGroup, object]>([
  ['as asked', holding(whole, store()), { kind: 'ready', devicePath: '/dev/pool-0/snap' }],
  ['not active after a boot', holding(whole, store({ active: false })), { kind: 'activate' }],
  ['stopped by a program that was killed', holding(whole, store({ suspended: true })), { kind: 'refresh' }],
  ['gone', holding(whole), refused('VolumeLost')],
  ['split from its source', holding(whole, sampleVolume('snap')), refused('VolumeMismatch')],
  ['of another volume now', holding(whole, store({ origin: 'v2' })), refused('VolumeMismatch')],
  ['overflowed', holding(whole, store({ snapshot: { ...facts, invalid: true } })), waits('SnapshotOverflowed')],
])('a snapshot that was ready and is %s', (_, group, step) => {
  expect(plan(snapshot({ status: served }), group, source)).toMatchObject(step);
});

test('of a source whose UUID was not recorded, or of which no object is left, a snapshot is taken all the same', () => {
  for (const others of [[sampleLocalVolume({ status: ready })], []])
    expect(plan(snapshot(), holding(whole), ...others)).toMatchObject({ kind: 'take', originUuid: 'lv-v1' });
});

test('in a group that may be another one of its name no snapshot is taken, and none grows', () => {
  const doubted = sampleGroup('pool-0', { volumes: [whole], doubt });
  const begun = snapshot({ status: { phase: 'Pending', groupUuid: 'pool-0' } });
  expect(plan(begun, doubted, source)).toEqual({ kind: 'refuse', reason: 'GroupMismatch', message: doubt.message });
  const larger = snapshot({ status: served, spec: { sizeBytes: 512 * MIB } });
  const grown = { ...doubted, volumes: [whole, store()] };
  expect(plan(larger, grown, source)).toEqual({ kind: 'refuse', reason: 'GroupMismatch', message: doubt.message });
});

test('readers of a snapshot are the volumes that show it, and no copies of it', () => {
  const volumes = [
    ...[reader(), named('copy', { source: { snapshot: 'snap' } })],
    ...[named('other', { source: { snapshot: 'snap2' }, readOnly: true }), sampleLocalVolume()],
  ];
  expect(readersOf('snap', new Map(volumes.map((each) => [each.metadata.name ?? '', each])))).toEqual(['reader']);
});

test('a store grows, also while it is full, and no larger than its source needs', () => {
  const larger = snapshot({ status: served, spec: { sizeBytes: 512 * MIB } });
  expect(plan(larger, holding(whole, store()), source)).toMatchObject({ kind: 'extend', sizeBytes: 512 * MIB });
  const all = snapshot({ status: { ...served, sizeBytes: GIB + 8 * MIB }, spec: { sizeBytes: 100 * GIB } });
  const full = holding(whole, store({ size: bytes(GIB + 8 * MIB) }));
  expect(plan(all, full, source)).toMatchObject({ kind: 'ready', sizeBytes: GIB + 8 * MIB });
  expect([isSettled(all), isSettled(larger)]).toEqual([true, false]);
  expect(findSuspects([all], { groups: [full], devices: [], mountPoints: [] })).toEqual([]);
});

test('a store grows onto no disk that shrank, and in no group that lacks disks', () => {
  const larger = snapshot({ status: served, spec: { sizeBytes: 512 * MIB } });
  for (const group of [onShrunkDisk(whole, store()), { ...holding(whole, store()), partial: true }])
    expect(plan(larger, group, source)).toMatchObject(refused('GroupFaulty'));
});

test('a snapshot that overflowed is not extended', () => {
  const told = { ...served, snapshot: { ...served.snapshot, overflowed: true } };
  const larger = snapshot({ status: told, spec: { sizeBytes: 512 * MIB } });
  expect(plan(larger, holding(whole, store()), source)).toMatchObject(waits('SnapshotOverflowed'));
});

const leaving = snapshot({ meta: deleting, status: served });

test.each<[string, LocalVolume, LvmGroup, readonly LocalVolume[], object]>([
  ['a snapshot', leaving, holding(whole, store()), [], { kind: 'split', uuid: 'lv-snap' }],
  [
    'a snapshot that overflowed',
    leaving,
    holding(whole, store({ snapshot: { ...facts, invalid: true } })),
    [],
    { kind: 'split' },
  ],
  [
    'a snapshot some of whose disks are away',
    leaving,
    holding(whole, store({ health: 'partial' })),
    [],
    { kind: 'refuse', reason: 'GroupFaulty' },
  ],
  [
    'a store on its own',
    leaving,
    holding(whole, sampleVolume('snap', { active: false })),
    [],
    { kind: 'remove', erase: { path: '/dev/pool-0/snap', first: 'activate' } },
  ],
  [
    'a store that was never finished',
    leaving,
    holding(whole, sampleVolume('snap', { active: true, tags: [OUR_TAG, UNFINISHED_TAG] })),
    [],
    { kind: 'remove', erase: { path: '/dev/pool-0/snap' } },
  ],
  [
    'a snapshot that is mounted as a volume',
    leaving,
    holding(whole, store()),
    [reader()],
    waits('KeptByReader', /reader/),
  ],
  [
    'a snapshot that is mounted as a volume which is to be removed, too',
    leaving,
    holding(whole, store()),
    [reader({ meta: deleting, status: ready })],
    waits('KeptByReader', /reader/),
  ],
  [
    'a snapshot of which others are neither mounted nor copied',
    leaving,
    holding(whole, store()),
    [sampleLocalVolume(), named('other', { source: { snapshot: 'snap2' } })],
    { kind: 'split' },
  ],
  [
    'a snapshot that is being copied',
    leaving,
    holding(whole, store()),
    [named('copy', { source: { snapshot: 'snap' } })],
    waits('KeptByReader', /copy/),
  ],
  [
    'a snapshot that was copied',
    leaving,
    holding(whole, store()),
    [named('copy', { source: { snapshot: 'snap' } }, { status: ready })],
    { kind: 'split' },
  ],
  [
    'a snapshot whose copy is given up',
    leaving,
    holding(whole, store()),
    [named('copy', { source: { snapshot: 'snap' } }, { meta: deleting })],
    { kind: 'split' },
  ],
  [
    'a volume with snapshots',
    sampleLocalVolume({ meta: deleting, status: ready }),
    holding(whole, store(), store({ name: 'snap2' })),
    [],
    waits('KeptBySnapshot', /\(snap, snap2\)/),
  ],
])('what happens to %s that is to be removed', (_, volume, group, others, step) => {
  expect(plan(volume, group, ...others)).toMatchObject(step);
});

test.each<[string, LvmGroup, readonly LocalVolume[], object]>([
  [
    'is there',
    holding(whole, store()),
    [snapshot({ status: served })],
    { kind: 'ready', sizeBytes: GIB, devicePath: '/dev/pool-0/snap', uuid: 'lv-snap' },
  ],
  ['nobody has heard of', holding(whole, store()), [], refused('SourceMissing')],
  ['is not taken yet', holding(whole), [snapshot()], refused('SourceMissing')],
  [
    'is being taken',
    holding(whole, store({ tags: [OUR_TAG, UNFINISHED_TAG] })),
    [snapshot()],
    refused('SourceMissing'),
  ],
  [
    'was made anew',
    holding(whole, store({ uuid: 'lv-new' })),
    [snapshot({ status: served })],
    refused('SourceMissing'),
  ],
  [
    'is no snapshot any more',
    holding(whole, sampleVolume('snap')),
    [snapshot({ status: served })],
    refused('SourceMissing'),
  ],
  [
    'is not active yet',
    holding(whole, store({ active: false })),
    [snapshot({ status: served })],
    refused('SourceMissing'),
  ],
  [
    'overflowed',
    holding(whole, store({ snapshot: { ...facts, invalid: true } })),
    [snapshot({ status: served })],
    waits('SnapshotOverflowed'),
  ],
])('a read-only volume whose snapshot %s', (_, group, others, step) => {
  expect(plan(reader(), group, ...others)).toMatchObject(step);
});

test('removing a read-only volume removes nothing, and it is settled though it asked for more than its snapshot shows', () => {
  expect(plan(reader({ meta: deleting }), holding(whole, store()), snapshot({ status: served }))).toEqual({
    kind: 'gone',
  });
  const served4 = reader({ status: { ...ready, devicePath: '/dev/pool-0/snap', volumeUuid: 'lv-snap' } });
  expect(isSettled(served4)).toBe(true);
  const seen = (group: LvmGroup) => findSuspects([served4], { groups: [group], devices: [], mountPoints: [] });
  expect(seen(holding(whole, store()))).toEqual([]);
  expect(seen(holding(whole, store({ snapshot: { ...facts, invalid: true } })))).toEqual(['reader']);
  expect(seen(holding(whole))).toEqual(['reader']);
});

test('a volume that has snapshots waits to grow until they are gone', () => {
  const larger = sampleLocalVolume({ spec: { sizeBytes: 2 * GIB }, status: ready });
  expect(plan(larger, holding(whole, store()))).toMatchObject(waits('HasSnapshots', /\(snap\)/));
  expect(plan(larger, holding(whole))).toMatchObject({ kind: 'extend' });
});
