import { expect } from 'vitest';
import { isMarked } from '../../../src/model/marked-pods.ts';
import type { Pod } from '../../../src/model/objects.ts';
import { until } from '../cluster/until.ts';
import { SECOND_SCHEDULER } from '../system/second-scheduler.ts';
import type { NodeGroup, System } from '../system/system.ts';
import { extenderCalls, type ExtenderCalls } from './extender-calls.ts';
import { broken, promised, type Promised } from './promised-bytes.ts';
import { createPods, deletePods, untilRunning, type PodWish } from './workload.ts';

/** Nodes with room for five pods of 4 GiB each. */
export const ROOMY_NODES: NodeGroup = { prefix: 'node', count: 2, disks: `/dev/sdb:${20 * 1024 + 1}Mi:ssd` };
const FIT = 10;
const MORE_THAN_FIT = 12;
const WITHIN_MS = 60_000;

const podsOf = (prefix: string, count: number, sizes: readonly string[]): PodWish[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ name: `${prefix}-${i}`, sizes, spec: { schedulerName: SECOND_SCHEDULER } },
  }));

/** What became of more pods than there is room for. */
export interface Placed {
  readonly running: number;
  /** Whether all of them are marked, or none. */
  readonly marked: boolean | 'some';
  /** What a pod reads that fits nowhere. */
  readonly told: string | undefined;
  /** Nodes on which something is promised twice. */
  readonly broken: readonly Promised[];
}

/** As many run as fit, nothing is promised twice, and our words say why another fits nowhere. */
export const PLACED_BY_ROOM: Omit<Placed, 'marked'> = {
  ...{ running: FIT, broken: [] },
  told: expect.stringContaining('not enough room for 9 GiB in any volume group') as string,
};

/**
 * Gives the second scheduler more pods at once than have room on ROOMY_NODES, and then one that would need most of a
 * node. All of them are gone afterwards. Throws when fewer run than fit.
 */
export async function placeMoreThanFit(system: System): Promise<Placed> {
  const { stores } = system;
  const pods = podsOf('pod', MORE_THAN_FIT, ['4Gi']);
  const large = podsOf('large', 1, ['9Gi']);
  const now = (): Pod[] => pods.flatMap(({ name }) => stores.pods.get(`default/${name}`) ?? []);
  const running = (): Pod[] => now().filter(({ status }) => status?.phase === 'Running');
  try {
    await createPods(system, pods);
    await until('as many run as fit', [stores.pods], WITHIN_MS, () => running().length >= FIT, running);
    await createPods(system, large);
    const told = await until('the large one is told why it waits', [stores.pods], WITHIN_MS, () =>
      stores.pods.get('default/large-0')?.status?.conditions?.find(({ type }) => type === 'PodScheduled'),
    );
    const marks = new Set(now().map(isMarked));
    const [mark = false] = marks;
    return {
      running: running().length,
      marked: marks.size > 1 ? 'some' : mark,
      told: told.message,
      broken: broken(await promised(system)),
    };
  } finally {
    await deletePods(system, [...pods, ...large]);
  }
}

/** What so many plain pods of the second scheduler cost in calls of the extender. */
export async function callsOfPlainPods(system: System, count: number): Promise<ExtenderCalls> {
  const [first, ...others] = podsOf('plain', count + 1, []) as [PodWish, ...PodWish[]];
  const names = others.map(({ name }) => name);
  try {
    // kube-scheduler looks at one pod at a time: once this one has its node, it asks about none from before any more.
    await createPods(system, [first]);
    await untilRunning(system, [first.name], WITHIN_MS);
    const before = await extenderCalls(system.leader());
    await createPods(system, others);
    await untilRunning(system, names, WITHIN_MS);
    const after = await extenderCalls(system.leader());
    return {
      filter: after.filter - before.filter,
      prioritize: after.prioritize - before.prioritize,
      preempt: after.preempt - before.preempt,
      bind: after.bind - before.bind,
    };
  } finally {
    await deletePods(system, [first, ...others]);
  }
}
