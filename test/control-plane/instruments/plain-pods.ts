import { setTimeout as delay } from 'node:timers/promises';
import { PODS } from '../../../src/kube/resource.ts';
import type { System } from '../system/system.ts';
import { createPods, type PodWish } from './workload.ts';

const EVERY_MS = 250;

/** What pods without volumes, created all the time, met with. */
export interface PlainPods {
  /**
   * Ends the stream, waits until all of them have a node, and gives the longest time in ms in which none was given one.
   */
  end(): Promise<{ readonly count: number; readonly longestGapMs: number }>;
}

/** Longest time between two placements, or before the first, in whole ms. Throws when nothing was placed. */
export function longestGap(startedAt: number, placedAt: readonly number[]): number {
  if (placedAt.length === 0) throw new Error('no pod without volumes was ever placed: there are no gaps to speak of');
  const times = [startedAt, ...placedAt.toSorted((a, b) => a - b)];
  return Math.round(Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? time))));
}

/**
 * Creates a pod without volumes every quarter of a second, or as often as it is told, with this in its spec. While the
 * API server is away, none can be.
 */
export function streamPlainPods(
  system: Pick<System, 'stores' | 'client'>,
  prefix: string,
  { everyMs = EVERY_MS, spec = {} }: { readonly everyMs?: number; readonly spec?: PodWish['spec'] } = {},
): PlainPods {
  const { stores, client } = system;
  const ending = new AbortController();
  const names: string[] = [];
  const placedAt = new Map<string, number>();
  const unsubscribe = stores.pods.subscribe(({ metadata: { name = '' }, spec }) => {
    if (name.startsWith(`${prefix}-`) && spec?.nodeName && !placedAt.has(name)) placedAt.set(name, performance.now());
  });
  const startedAt = performance.now();
  const create = async (): Promise<void> => {
    for (let i = 0; !ending.signal.aborted; i += 1) {
      const name = `${prefix}-${i}`;
      await createPods(system, [{ name, sizes: [], spec }]).then(
        () => names.push(name),
        () => undefined,
      );
      await delay(everyMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const creating = create();
  return {
    end: async () => {
      ending.abort();
      await creating;
      const deadline = performance.now() + 60_000;
      while (names.some((name) => !placedAt.has(name))) {
        if (performance.now() > deadline) throw new Error('pods without volumes were never given a node');
        await delay(100);
      }
      unsubscribe();
      const longestGapMs = longestGap(startedAt, [...placedAt.values()]);
      for (const name of names)
        await client.delete(PODS, { namespace: 'default', name }, new AbortController().signal).catch(() => undefined);
      return { count: names.length, longestGapMs };
    },
  };
}
