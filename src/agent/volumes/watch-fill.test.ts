import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import type { SnapshotFill } from '../../lvm/fill.ts';
import { sampleLocalVolume } from '../storage-fixture.ts';
import { createFillWatch, isNews } from './watch-fill.ts';

const never = new AbortController().signal;
const STORE = GIB;

const snapshot = (usedBytes?: number, overflowed = false): LocalVolume =>
  sampleLocalVolume({
    meta: { name: 'snap' },
    spec: { role: 'Snapshot', source: { volume: 'v1' }, copyOnWrite: { thresholdPercent: 50, stepBytes: GIB } },
    status: {
      ...{ phase: 'Ready', sizeBytes: STORE, devicePath: '/dev/pool-0/snap', groupUuid: 'g', volumeUuid: 'l' },
      snapshot: { overflowed, ...(usedBytes === undefined ? {} : { usedBytes }) },
    },
  });
const fill = (usedBytes: number, overflowed = false): SnapshotFill => ({
  ...{ vgName: 'pool-0', name: 'snap', storeBytes: bytes(STORE), usedBytes: bytes(usedBytes), overflowed },
});

test.each<[string, number | undefined, SnapshotFill, number, boolean]>([
  ['nothing was told yet', undefined, fill(8192), 0, true],
  ['nothing was written', 8192, fill(8192), 1e9, false],
  ['a little was written', 8192, fill(MIB), 1000, false],
  ['a little was written, a minute ago', 8192, fill(MIB), 60_000, true],
  ['much was written', 8192, fill(100 * MIB), 1000, true],
  ['it passed its threshold by a little', 511 * MIB, fill(512 * MIB), 1000, true],
  ['a little was written above the threshold', 600 * MIB, fill(601 * MIB), 1000, true],
  ['it overflowed', 600 * MIB, fill(0, true), 0, true],
])('whether a look is worth a write: %s', (_, before, now, sinceMs, want) => {
  expect(isNews(snapshot(before), now, sinceMs)).toBe(want);
});

test('an overflow is told once', () => {
  expect(isNews(snapshot(1, true), fill(0, true), 1e9)).toBe(false);
});

function watch(volumes: readonly LocalVolume[], fills: () => readonly SnapshotFill[], uuid = 'LVM-gl') {
  const told: unknown[] = [];
  const overflowed: string[] = [];
  let looks = 0;
  let time = 0;
  const look = createFillWatch({
    lvm: {
      fill: () => {
        looks += 1;
        return Promise.resolve(fills());
      },
    },
    disks: { mapperUuid: () => Promise.resolve(uuid) },
    volumes: new Map(volumes.map((volume) => [volume.metadata.name ?? '', volume])),
    write: { fill: ({ metadata }, status) => Promise.resolve(void told.push([metadata.name ?? '', status])) },
    onOverflow: (name) => void overflowed.push(name),
    now: () => (time += 1000),
    log: silentLog,
  });
  return { look: () => look(never), told, overflowed, looks: () => looks };
}

test('one look is for all snapshots, and what is new is told', async () => {
  const it = watch([snapshot(8192)], () => [fill(200 * MIB), { ...fill(GIB), vgName: 'other' }]);
  await it.look();
  expect(it.told).toEqual([['snap', { usedBytes: 200 * MIB }]]);
  expect(it.looks()).toBe(1);
});

test('an overflow is told, and its snapshot is planned again', async () => {
  const it = watch([snapshot(8192)], () => [fill(0, true)]);
  await it.look();
  expect([it.told, it.overflowed]).toEqual([[['snap', { overflowed: true }]], ['snap']]);
});

test('the store of another group of that name says nothing of ours', async () => {
  const it = watch([snapshot(8192)], () => [fill(0, true)], 'LVM-another');
  await it.look();
  expect([it.told, it.overflowed]).toEqual([[], []]);
});

test('nothing is asked while no snapshot can fill', async () => {
  const it = watch([sampleLocalVolume(), snapshot(8192, true)], () => [fill(GIB)]);
  await it.look();
  expect(it.looks()).toBe(0);
});
