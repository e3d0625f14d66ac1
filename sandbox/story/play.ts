import { judge, type Expectation, type Finding } from './expectation.ts';
import type { SnapshotStores, Stores } from '../controllers/deps.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { Store } from '../controllers/store.ts';
import type { Action, Step } from './story.ts';
import { orAborted } from '../../src/wait/abort.ts';

export interface Outcome {
  readonly step: Step;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly ms: number;
}

/** What a story looks at. */
type PlayStores = Stores & Partial<SnapshotStores>;

export interface PlayDeps {
  readonly stores: PlayStores;
  readonly perform: (action: Action, signal: AbortSignal) => Promise<void>;
  readonly onStart: (step: Step, index: number) => void;
  readonly onEnd: (outcome: Outcome, index: number) => void;
}

/**
 * Plays the steps one after another, up to the first that does not end as it should. Throws when an action is refused.
 */
export async function play(steps: readonly Step[], deps: PlayDeps, signal: AbortSignal): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [index, step] of steps.entries()) {
    const startedAt = performance.now();
    deps.onStart(step, index);
    for (const action of step.actions) await deps.perform(action, signal);
    const findings = await untilAllHold(step.expectations, deps.stores, step.withinMs, signal);
    const ok = findings.every((finding) => finding.ok);
    const outcome = { step, ok, findings, ms: Math.round(performance.now() - startedAt) };
    outcomes.push(outcome);
    deps.onEnd(outcome, index);
    if (!ok) break;
  }
  return outcomes;
}

/** Judges after every change of the cluster until all expectations hold or time is up. Returns the last findings. */
export async function untilAllHold(
  expectations: readonly Expectation[],
  stores: PlayStores,
  withinMs: number,
  signal: AbortSignal,
): Promise<Finding[]> {
  const byKind = storesByKind(stores);
  const look = (): Finding[] =>
    expectations.map((expectation) => judge(expectation, byKind.get(expectation.of.kind)?.list() ?? []));
  const { promise, resolve } = Promise.withResolvers<void>();
  let planned = false;
  const check = (): void => {
    planned = false;
    if (look().every(({ ok }) => ok)) resolve();
  };
  const onChange = (): void => {
    if (planned) return;
    planned = true; // one judgement for a burst of changes
    setImmediate(check);
  };
  const ends = [...byKind.values()].map((store) => store.subscribe(onChange));
  const timer = setTimeout(resolve, withinMs);
  try {
    check();
    await orAborted(promise, signal);
    return look();
  } finally {
    clearTimeout(timer);
    ends.forEach((end) => end());
  }
}

const storesByKind = (stores: PlayStores): ReadonlyMap<string, Pick<Store<KubeObject>, 'list' | 'subscribe'>> =>
  new Map<string, Pick<Store<KubeObject>, 'list' | 'subscribe'>>([
    ['Pod', stores.pods],
    ['Node', stores.nodes],
    ['PersistentVolumeClaim', stores.claims],
    ['PersistentVolume', stores.volumes],
    ['StorageClass', stores.classes],
    ['StatefulSet', stores.statefulSets],
    ['Deployment', stores.deployments],
    ['ReplicaSet', stores.replicaSets],
    ['Job', stores.jobs],
    ['NodeLocalStorage', stores.nodeStorages],
    ['LocalVolume', stores.localVolumes],
    ['Event', stores.events],
    ...(stores.snapshots ? ([['VolumeSnapshot', stores.snapshots]] as const) : []),
    ...(stores.snapshotContents ? ([['VolumeSnapshotContent', stores.snapshotContents]] as const) : []),
  ]);
