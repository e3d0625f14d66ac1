import { once } from 'node:events';
import { Fault } from '../model/fault.ts';
import type { Pod } from '../model/objects.ts';
import type { PodFacts, PodVolume } from '../model/facts.ts';
import type { FilterVerdict, Refusal } from '../model/verdict.ts';
import type { PodBinding, Scheduling } from './scheduling.ts';

export const UNKNOWN: Refusal = { kind: 'unknown-node', message: 'no storage of open-local', unresolvable: true };
export const FULL: Refusal = {
  kind: 'group-too-small',
  message: 'not enough room for 5 GiB in "pool-0"',
  unresolvable: true,
};
export const HELD: Refusal = { kind: 'held-by-others', message: 'room is held for other pods', unresolvable: false };

/** A scheduling port for tests: nodes are what `nodes` says, and a pod is ours when it has a volume. */
export interface FakeScheduling extends Scheduling {
  /** What each node answers: a score, or a refusal. A node that is not there is unknown. */
  readonly nodes: Map<string, number | Refusal>;
  readonly bindings: PodBinding[];
  /** The name lists that were asked about, call by call. */
  readonly asked: (readonly string[])[];
  state: { notReady?: string; mayFreeUp: boolean; bind?: (binding: PodBinding, signal: AbortSignal) => Promise<void> };
  /** Wakes whoever waits in `freed`. */
  free(): void;
  /** How many wait in `freed` now. */
  waiting(): number;
}

export function createFakeScheduling(nodes: Readonly<Record<string, number | Refusal>> = {}): FakeScheduling {
  const wakeups = new EventTarget();
  let waiting = 0;
  const fake: FakeScheduling = {
    nodes: new Map(Object.entries(nodes)),
    bindings: [],
    asked: [],
    state: { mayFreeUp: false },
    notReady: () => fake.state.notReady,
    concerns: (pod) => pod.volumes.length > 0,
    filter: (_pod, names): FilterVerdict => {
      fake.asked.push(names);
      const refusals = names.map((name) => {
        const node = fake.nodes.get(name) ?? UNKNOWN;
        return typeof node === 'number' ? undefined : node;
      });
      return { refusals, mayFreeUp: fake.state.mayFreeUp };
    },
    prioritize: (_pod, names) => {
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
      waiting++;
      try {
        await once(wakeups, 'freed', { signal });
      } finally {
        waiting--;
      }
    },
    free: () => {
      wakeups.dispatchEvent(new Event('freed'));
    },
    waiting: () => waiting,
  };
  return fake;
}

/** Facts of a pod whose claims are its volumes; enough for tests of the wire. Not for use with real pods. */
export function decodeTestPod(raw: Pod): PodFacts {
  const volumes = (raw.spec?.volumes ?? []).flatMap((volume): PodVolume[] =>
    volume.persistentVolumeClaim ? [{ kind: 'claim', claimName: volume.persistentVolumeClaim.claimName }] : [],
  );
  const { uid = '', namespace = '', name = '' } = raw.metadata ?? {};
  if (uid === '') throw new Fault('invalid', 'the pod has no metadata.uid');
  return { uid, namespace, name, finished: false, volumes };
}

/** A pod as kube-scheduler sends it. */
export const testPod = (claims: readonly string[] = ['data-web-0'], uid = 'pod-1'): Pod => ({
  metadata: { name: 'web-0', namespace: 'shop', uid },
  spec: { volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
});
