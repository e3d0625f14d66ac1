import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { largestStore } from '../../model/snapshot-store.ts';
import { percentFull, planStoreGrowth } from './plan-store.ts';

const gib = (size: number): number => size * GIB;
const store = (
  size: number,
  used: number,
  more: Partial<NonNullable<LocalVolume['status']>['snapshot']> = {},
): LocalVolume => ({
  metadata: { name: 's' },
  spec: {
    nodeName: 'n1',
    kind: 'LVM',
    vgName: 'pool-0',
    sizeBytes: gib(size),
    role: 'Snapshot',
    source: { volume: 'v' },
    copyOnWrite: { thresholdPercent: 50, stepBytes: GIB },
  },
  status: { phase: 'Ready', sizeBytes: gib(size), snapshot: { usedBytes: gib(used), sourceBytes: gib(100), ...more } },
});

test.each([
  ['below the threshold', store(4, 1.9), 1, undefined],
  ['at the threshold', store(4, 2), 2, 5],
  ['past it, with a step that is enough', store(4, 2.1), 2, 5],
  // 3 GiB were written in one look: 3 + 2 × 3 GiB are to be half of it.
  ['with a writer that a step does not outrun', store(4, 3), 0, 18],
  ['at the first look after a restart', store(4, 3), undefined, 6],
  ['already asked for, and not extended yet', { ...store(4, 3), spec: { ...store(8, 3).spec } }, 3, undefined],
])('%s a store grows so much', (_, volume, usedBefore, wanted) => {
  expect(planStoreGrowth(volume, usedBefore === undefined ? undefined : gib(usedBefore))?.wanted).toBe(
    wanted === undefined ? undefined : gib(wanted),
  );
});

test('it grows no further than its source can fill it', () => {
  const limit = largestStore(bytes(gib(5)));
  expect(planStoreGrowth(store(4, 3, { sourceBytes: gib(5) }), 0)).toEqual({ wanted: limit, least: gib(5) });
  const full = store(5, 4.9, { sourceBytes: gib(5) });
  expect(planStoreGrowth(full, 0)).toEqual({ wanted: limit, least: limit });
  expect(planStoreGrowth({ ...full, spec: { ...full.spec, sizeBytes: limit } }, 0)).toBeUndefined();
});

test('what overflowed, was never ready, or is no snapshot of a class does not grow', () => {
  expect(planStoreGrowth(store(4, 4, { overflowed: true }), 0)).toBeUndefined();
  const { status: _, ...unready } = store(4, 0);
  expect(planStoreGrowth(unready, 0)).toBeUndefined();
  const { copyOnWrite: __, ...spec } = store(4, 4).spec;
  expect(planStoreGrowth({ ...store(4, 4), spec }, 0)).toBeUndefined();
});

test('a writer of any steady speed never fills a store that is extended between two looks', () => {
  for (const perLook of [0.01, 0.3, 1, 2, 7]) {
    let volume = store(Math.max(4, 2 * perLook), 0);
    let before = 0;
    for (let used = perLook; used < 100; used += perLook) {
      const now = {
        ...volume,
        status: { ...volume.status, snapshot: { sourceBytes: gib(100), usedBytes: gib(used) } },
      };
      expect(gib(used)).toBeLessThan(volume.spec.sizeBytes);
      const growth = planStoreGrowth(now, before);
      before = gib(used);
      if (growth) volume = { ...volume, spec: { ...volume.spec, sizeBytes: growth.wanted } };
    }
  }
});

test('how full it is counts by what the node has', () => {
  expect(percentFull({ ...store(8, 3), status: { ...store(4, 3).status } })).toBe(75);
});
