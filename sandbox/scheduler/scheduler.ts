import { systemClock } from '../../src/wait/clock.ts';
import { isConflict, isNotFound } from '../../src/kube/errors.ts';
import { PODS } from '../../src/kube/resource.ts';
import { textOf } from '../../src/model/fault.ts';
import type { Pod } from '../../src/model/objects.ts';
import type { Deps } from '../controllers/deps.ts';
import { keyOf, splitKey } from '../controllers/store.ts';
import { bindPod } from './bind-pod.ts';
import { decide, type Decision } from './decide.ts';
import type { ExtenderClient } from './extender-client.ts';
import { SchedulingQueue } from './queue.ts';

export interface SchedulerDeps extends Deps {
  readonly extender: ExtenderClient;
}

type Placed = Extract<Decision, { node: string }>;

/**
 * Stands in for kube-scheduler: filters and scores one pod at a time; as in kube-scheduler, the binding of a pod goes
 * on while the next one is considered. Runs until the signal; never fails for one pod.
 */
export async function runScheduler(deps: SchedulerDeps, signal: AbortSignal): Promise<void> {
  const queue = new SchedulingQueue(systemClock, signal);
  const assumed = new Map<string, string>();
  const bindings = new Set<Promise<void>>();
  const unsubscribe = feed({ queue, assumed, deps });
  try {
    for (;;) {
      const pod = deps.stores.pods.get(await queue.take());
      if (!pod || !wantsNode(pod)) continue;
      const placed = await scheduleOne(pod, { queue, assumed, deps }, signal);
      if (!placed) continue;
      const binding = bindOne(pod, placed, { queue, assumed, deps }, signal).finally(() => bindings.delete(binding));
      bindings.add(binding);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unsubscribe();
    await Promise.all(bindings);
  }
}

interface State {
  readonly queue: SchedulingQueue;
  /** Pods being bound, until the store shows them on their node. */
  readonly assumed: Map<string, string>;
  readonly deps: SchedulerDeps;
}

/**
 * Queues new pods, and wakes refused ones on changes of the kinds that kube-scheduler watches. Our own kinds are not
 * among them.
 */
function feed({ queue, assumed, deps: { stores } }: State): () => void {
  const onPod = (pod: Pod, gone: boolean): void => {
    const key = keyOf(pod);
    if (!gone && wantsNode(pod)) return queue.add(key);
    assumed.delete(key);
    queue.forget(key);
    if (pod.spec?.nodeName !== undefined) queue.change();
  };
  const onOther = (): void => queue.change();
  for (const pod of stores.pods.list()) onPod(pod, false);
  const ends = [
    stores.pods.subscribe(onPod),
    stores.nodes.subscribe(onOther),
    stores.claims.subscribe(onOther),
    stores.volumes.subscribe(onOther),
    stores.classes.subscribe(onOther),
    stores.capacities.subscribe(onOther),
  ];
  return () => ends.forEach((end) => end());
}

const wantsNode = ({ metadata, spec, status }: Pod): boolean =>
  spec?.nodeName === undefined &&
  metadata.deletionTimestamp === undefined &&
  (spec?.schedulerName ?? 'default-scheduler') === 'default-scheduler' &&
  status?.phase !== 'Succeeded' &&
  status?.phase !== 'Failed';

async function scheduleOne(pod: Pod, state: State, signal: AbortSignal): Promise<Placed | undefined> {
  const { deps, queue, assumed } = state;
  const podsOn = (node: string): number =>
    deps.stores.pods.list().filter(({ spec }) => spec?.nodeName === node).length +
    [...assumed.values()].filter((name) => name === node).length;
  try {
    const decision = await decide(pod, { ...deps, podsOn }, signal);
    if (decision.node !== undefined) {
      assumed.set(keyOf(pod), decision.node);
      return decision;
    }
    await refuse(pod, { reason: 'Unschedulable', message: decision.message }, deps, signal);
    queue.refuse(keyOf(pod), { retry: false });
  } catch (error) {
    await refuseForError(pod, error, state, signal);
  }
  return undefined;
}

async function bindOne(pod: Pod, placed: Placed, state: State, signal: AbortSignal): Promise<void> {
  const { deps, assumed, queue } = state;
  const key = keyOf(pod);
  try {
    await bindPod(pod, placed, { ...deps, claims: deps.stores.claims }, signal);
    assumed.delete(key);
    queue.forget(key);
    deps.record(PODS, pod, {
      type: 'Normal',
      reason: 'Scheduled',
      message: `Successfully assigned ${key} to ${placed.node}`,
    });
    deps.record(PODS, pod, { type: 'Normal', reason: 'NodeChosen', message: placed.why });
  } catch (error) {
    assumed.delete(key);
    await refuseForError(pod, error, state, signal);
    queue.change();
  }
}

async function refuseForError(pod: Pod, error: unknown, { deps, queue }: State, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await refuse(pod, { reason: 'SchedulerError', message: textOf(error) }, deps, signal);
  queue.refuse(keyOf(pod), { retry: true });
}

/** Writes the pod's PodScheduled condition and an Event; skips a pod that is deleted meanwhile. */
async function refuse(
  pod: Pod,
  { reason, message }: { readonly reason: string; readonly message: string },
  { client, record, stores, log }: SchedulerDeps,
  signal: AbortSignal,
): Promise<void> {
  record(PODS, pod, { type: 'Warning', reason: 'FailedScheduling', message });
  const others = (stores.pods.get(keyOf(pod))?.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  const conditions = [...others, { type: 'PodScheduled', status: 'False', reason, message }];
  try {
    const patch = { type: 'merge', body: { status: { conditions } } } as const;
    await client.patch(PODS, splitKey(keyOf(pod)), patch, signal, 'status');
  } catch (error) {
    if (!signal.aborted && !isNotFound(error) && !isConflict(error))
      log.warn({ err: error, pod: keyOf(pod) }, 'could not write the condition of a refused pod');
  }
}
