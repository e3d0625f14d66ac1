import { once } from 'node:events';
import type { FilterVerdict, Refusal } from '../model/verdict.ts';
import type { Scheduling } from './scheduling.ts';
import type { PodBinding } from './wire/binding.ts';
import { UNKNOWN } from './wire/question-fixture.ts';

/** A scheduling port for tests: nodes are what `nodes` says, and a pod is ours when it has a volume. */
export interface FakeScheduling extends Scheduling {
  scoresEveryPod?: boolean;
  /** What each node answers: a score, or a refusal. A node that is not there is unknown. */
  readonly nodes: Map<string, number | Refusal>;
  readonly bindings: PodBinding[];
  /** The name lists that were asked about, call by call. */
  readonly asked: (readonly string[])[];
  state: { notReady?: string; mayFreeUp: boolean; bind?: (binding: PodBinding, signal: AbortSignal) => Promise<void> };
  /** Wakes whoever waits in `freed`. */
  free(): void;
  /** Resolves once exactly so many wait in `freed`. */
  waiters(count: number): Promise<void>;
}

export function createFakeScheduling(nodes: Readonly<Record<string, number | Refusal>> = {}): FakeScheduling {
  const wakeups = new EventTarget();
  const inFreed = new Set<object>();
  const waitersChanged = (): boolean => wakeups.dispatchEvent(new Event('waiters'));
  const fake: FakeScheduling = {
    nodes: new Map(Object.entries(nodes)),
    bindings: [],
    asked: [],
    state: { mayFreeUp: false },
    notReady: () => fake.state.notReady,
    concerns: (pod) => pod.volumes.length > 0,
    filter: (pod, { names }): FilterVerdict => ({
      refusals: fake.refusals(pod, names),
      mayFreeUp: fake.state.mayFreeUp,
    }),
    refusals: (_pod, names) => {
      fake.asked.push(names);
      return names.map((name) => {
        const node = fake.nodes.get(name) ?? UNKNOWN;
        return typeof node === 'number' ? undefined : node;
      });
    },
    prioritize: (_pod, { names }) => {
      fake.asked.push(names);
      return names.map((name) => {
        const node = fake.nodes.get(name);
        return typeof node === 'number' ? node : 0;
      });
    },
    bind: async (binding, signal) => {
      await fake.state.bind?.(binding, signal);
      fake.bindings.push(binding);
    },
    freed: async (signal) => {
      const me = {};
      inFreed.add(me);
      waitersChanged();
      try {
        await once(wakeups, 'freed', { signal });
      } finally {
        inFreed.delete(me);
        waitersChanged();
      }
    },
    free: () => {
      wakeups.dispatchEvent(new Event('freed'));
    },
    waiters: async (count) => {
      while (inFreed.size !== count) await once(wakeups, 'waiters');
    },
  };
  return fake;
}
