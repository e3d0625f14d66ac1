import { expect, test } from 'vitest';
import { bytes, MIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { OUR_TAG, UNFINISHED_TAG } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import { sampleGroup, sampleLocalVolume, sampleVolume } from '../storage-fixture.ts';
import { partnersOf, planTogether } from './plan-group-snapshot.ts';

type Parts = NonNullable<Parameters<typeof sampleLocalVolume>[0]>;

/** The snapshot of volume `source`, in the group `pool-<source>`, that is taken together with others. */
const part = (source: 'a' | 'b', { spec, ...more }: Parts = {}): LocalVolume =>
  sampleLocalVolume({
    ...more,
    meta: { name: `snap-${source}`, ...more.meta },
    spec: {
      ...{ role: 'Snapshot', vgName: `pool-${source}`, sizeBytes: 64 * MIB, source: { volume: source } },
      ...{ groupSnapshot: 'group', groupSources: ['a', 'b'], ...spec },
    },
  });
const byName = (...volumes: readonly LocalVolume[]) =>
  new Map(volumes.map((volume) => [volume.metadata.name ?? '', volume]));
const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const ready = { phase: 'Ready', sizeBytes: 64 * MIB, devicePath: '/dev/x' } as const;

const group = (source: 'a' | 'b', more: readonly LvmVolume[] = [], own: Partial<LvmGroup> = {}): LvmGroup =>
  sampleGroup(`pool-${source}`, { volumes: [sampleVolume(source), ...more], ...own });
const taken = (source: 'a' | 'b', tags = [OUR_TAG]): LvmVolume =>
  sampleVolume(`snap-${source}`, { tags, size: bytes(64 * MIB) });
const cut = (source: 'a' | 'b'): LvmVolume => taken(source, [OUR_TAG, UNFINISHED_TAG]);

test('its partners are the parts of its group that stay, in the order of their names', () => {
  const others = byName(
    ...[part('b'), part('a'), sampleLocalVolume({ meta: { name: 'plain' } })],
    part('a', { meta: { name: 'leaving', ...deleting } }),
    part('a', { meta: { name: 'other' }, spec: { groupSnapshot: 'another' } }),
  );
  expect(partnersOf(part('b'), others).map(({ metadata }) => metadata.name)).toEqual(['snap-a', 'snap-b']);
  expect(partnersOf(sampleLocalVolume(), others)).toEqual([]);
});

const step = (volume: LocalVolume, groups: readonly LvmGroup[], ...others: readonly LocalVolume[]) =>
  planTogether(volume, groups, byName(...others));
const both = [group('a'), group('b')];

test('the first takes all once all are asked for, whatever the order in which they are known', () => {
  const order = (source: 'a' | 'b') => ({
    ...{ vgName: `pool-${source}`, vgUuid: `pool-${source}`, name: `snap-${source}`, sizeBytes: 64 * MIB },
    ...{ origin: source, originUuid: `lv-${source}` },
  });
  expect(step(part('a'), both, part('b'), part('a'))).toEqual({
    kind: 'together',
    snapshots: [order('a'), order('b')],
  });
  expect(step(part('b'), both, part('b'), part('a'))).toEqual({
    kind: 'later',
    message: 'Is taken together with snap-a.',
  });
  expect(step(part('b'), both, part('b'))).toEqual({
    kind: 'later',
    message: 'Is taken when the snapshots of a are asked for, too.',
  });
});

test('where some are there and none is finished, their taking was cut, and they are not taken anew', () => {
  const groups = [group('a', [cut('a')]), group('b')];
  expect(step(part('a'), groups, part('a'), part('b'))).toMatchObject({
    kind: 'refuse',
    reason: 'GroupSnapshotFailed',
  });
});

test.each<[string, LvmGroup, LocalVolume]>([
  ['is finished', group('a', [taken('a')]), part('a')],
  ['was ready, and is gone since', group('a'), part('a', { status: ready })],
])(
  'where another one %s, all were taken: one that is there is finished, and one that is gone is lost',
  (_, a, other) => {
    expect(step(part('b'), [a, group('b', [cut('b')])], other, part('b'))).toEqual({
      ...{ kind: 'finish', vgUuid: 'pool-b', uuid: 'lv-snap-b' },
    });
    expect(step(part('b'), [a, group('b')], other, part('b'))).toMatchObject({ kind: 'refuse', reason: 'VolumeLost' });
  },
);

test.each<[string, readonly LvmGroup[], LocalVolume, object]>([
  [
    'is not there',
    [group('a')],
    part('b'),
    { reason: 'GroupMissing', message: 'Volume group pool-b is not on this node.' },
  ],
  [
    'has another name now',
    [group('a'), sampleGroup('renamed', { uuid: 'g-b' })],
    part('b', { status: { phase: 'Pending', groupUuid: 'g-b' } }),
    { reason: 'GroupMissing', message: expect.stringContaining('vgrename g-b pool-b') as string },
  ],
  [
    'may be another one of its name',
    [group('a'), group('b', [], { doubt: { reason: 'DuplicateName', message: 'two', recorded: true } })],
    part('b'),
    { reason: 'GroupMismatch', message: 'two' },
  ],
])('where the group of a partner %s, none is taken', (_, groups, other, refusal) => {
  expect(step(part('a'), groups, part('a'), other)).toMatchObject({ kind: 'refuse', ...refusal });
});

test.each<[string, Partial<LvmGroup>, string]>([
  ["another machine's", { foreign: true, systemId: 'other' }, 'GroupForeign'],
  ['exported', { exported: true }, 'GroupExported'],
  ['without some of its disks', { partial: true }, 'GroupFaulty'],
])('no volume is stopped while the group of one of them is %s', (_, own, reason) => {
  expect(step(part('a'), [group('a'), group('b', [], own)], part('a'), part('b'))).toMatchObject({
    kind: 'refuse',
    reason,
  });
});

test('a part is not finished while its group lacks disks: that would change the group', () => {
  const done = part('b', { status: ready });
  const groups = [group('a', [cut('a')], { partial: true }), group('b', [taken('b')])];
  expect(step(part('a'), groups, part('a'), done)).toMatchObject({ kind: 'refuse', reason: 'GroupFaulty' });
  const whole = [group('a', [cut('a')]), group('b', [taken('b')])];
  expect(step(part('a'), whole, part('a'), done)).toMatchObject({ kind: 'finish' });
});
