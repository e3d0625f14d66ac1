import type { Ledger } from '../../capacity/ledger.ts';
import { isLeftOut } from '../../capacity/left-out.ts';
import type { PodBinding, Scheduling } from '../../extender/scheduling.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isConflict, isForbidden, isNotFound } from '../../kube/errors.ts';
import { PODS } from '../../kube/resource.ts';
import { podFacts } from '../../model/decode.ts';
import type { PodFacts } from '../../model/facts.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { FilterVerdict } from '../../model/verdict.ts';
import type { Pod } from '../../model/objects.ts';
import { untilCalled } from '../../wait/abort.ts';
import { faultOfWrite, isUncertain } from '../../kube/api-fault.ts';

export interface SchedulingDeps {
  readonly ledger: Ledger;
  readonly client: Pick<KubeClient, 'get' | 'createSub'>;
  readonly drivers: readonly string[];
  /** A pod that the informer has, and the ledger too, by `namespace/name`. */
  readonly heard: (pod: string) => PodFacts | undefined;
  readonly notReady: () => string | undefined;
  /** Why nothing new is heard of claims; undefined while it is. */
  readonly deafToClaims: () => string | undefined;
  /** Told of every filter call whether some node fits. */
  readonly onFilter?: (podUid: string, fits: boolean) => void;
  /** Node anti-affinity has weights: pods without our volumes are scored too. */
  readonly scoresEveryPod?: boolean;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

/**
 * Answers the extender from the ledger. Where kube-scheduler's configuration has the bind verb, it also writes bindings
 * (docs/decisions/0035).
 */
export function createScheduling(deps: SchedulingDeps): Scheduling {
  const { ledger, now } = deps;
  return {
    notReady: deps.notReady,
    scoresEveryPod: deps.scoresEveryPod ?? false,
    concerns: (pod) => ledger.concerns(pod),
    numbering: ledger,
    filter: (pod, nodes) => {
      const verdict = ledger.filter(pod, nodes, now());
      if (isForWantOfClaim(verdict)) assertHeard(deps);
      deps.onFilter?.(pod.uid, verdict.refusals.includes(undefined));
      return verdict;
    },
    prioritize: (pod, nodes) => ledger.prioritize(pod, nodes),
    refusals: (pod, names) =>
      ledger.lacks(pod, names).refusals.map((refusal) => (isLeftOut(refusal) ? undefined : refusal)),
    freed: (signal) => untilCalled((resolve) => ledger.onFreed(resolve), signal),
    bind: (binding, signal) => bind(binding, deps, signal),
  };
}

/** The pod has a claim of which nothing was heard yet. */
const isForWantOfClaim = ({ mayFreeUp, refusals: [first] }: FilterVerdict): boolean =>
  mayFreeUp && first?.kind === 'claim-missing';

/**
 * Throws where claims are not heard of: each new one would keep its pod from every node, also those of other drivers. A
 * kube-scheduler that may ignore its extender goes on without an answer, and CreateVolume judges.
 */
function assertHeard({ deafToClaims }: SchedulingDeps): void {
  const why = deafToClaims();
  if (why !== undefined) throw new Fault('unavailable', `open-local does not know the pod's claims: ${why}`);
}

/**
 * Holds the room on the chosen node, then writes the binding. If the API server refuses for good, the hold is dropped;
 * if the write's outcome is unknown, the room stays held until the pod's object shows its node. So it does where the
 * operator may not bind: a kube-scheduler that may ignore its extender then binds the pod itself.
 */
async function bind(binding: PodBinding, deps: SchedulingDeps, signal: AbortSignal): Promise<void> {
  await settle(binding, deps, signal);
  const { namespace, name, uid, node } = binding;
  const body = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { namespace, name, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  };
  try {
    await deps.client.createSub(PODS, { namespace, name }, 'binding', body, signal);
  } catch (error) {
    // The scheduler repeats a call whose answer did not come in time, so the first one may have bound the pod.
    const mayBeBound = isUncertain(error) || isConflict(error);
    if (mayBeBound && (await isBound(binding, deps, signal))) return;
    if (isForbidden(error)) throw mayNotBind(binding, error);
    if (!isUncertain(error)) dropHold(binding, deps);
    throw faultOfWrite(`binding pod ${namespace}/${name} to ${node}`, error);
  }
}

const mayNotBind = ({ namespace, name }: Pick<PodBinding, 'namespace' | 'name'>, cause: unknown): Fault =>
  new Fault(
    'precondition',
    `pod ${namespace}/${name}: the operator may not bind pods; leave bindVerb out of kube-scheduler's configuration, as open-local scheduler-config prints it, or give the right: extender.bind=true of the chart, or kubectl apply -k deploy/bind`,
    { cause },
  );

/**
 * Settles the hold of a pod that has a volume of ours, and no node yet: nothing is held for one that is bound. Throws
 * Fault `exhausted` when the room is gone.
 */
async function settle(binding: PodBinding, deps: SchedulingDeps, signal: AbortSignal): Promise<void> {
  const { ledger, now } = deps;
  const pod = await factsOf(binding, deps, signal);
  if (pod.nodeName !== undefined || !ledger.concerns(pod)) return;
  const refusal = ledger.bind(binding.uid, binding.node, now());
  if (refusal !== undefined) throw new Fault('exhausted', refusal.message);
}

/** The pod's facts. A pod that the ledger has not heard of yet is read from the API server and told to the ledger. */
async function factsOf(binding: PodBinding, deps: SchedulingDeps, signal: AbortSignal): Promise<PodFacts> {
  const { namespace, name, uid } = binding;
  const known = deps.heard(`${namespace}/${name}`);
  if (known?.uid === uid) return known;
  const pod = podFacts(await readPod(binding, deps, signal), deps.drivers);
  if (pod.uid !== uid) throw new Fault('not-found', `pod ${namespace}/${name} is another one now`);
  deps.ledger.podChanged(pod);
  return pod;
}

async function readPod({ namespace, name }: PodBinding, { client }: SchedulingDeps, signal: AbortSignal): Promise<Pod> {
  try {
    return await client.get(PODS, { namespace, name }, signal);
  } catch (error) {
    if (isForbidden(error)) throw mayNotBind({ namespace, name }, error);
    throw new Fault(
      isNotFound(error) ? 'not-found' : 'unavailable',
      `reading pod ${namespace}/${name}: ${textOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function isBound(binding: PodBinding, deps: SchedulingDeps, signal: AbortSignal): Promise<boolean> {
  try {
    const { metadata, spec } = await readPod(binding, deps, signal);
    return metadata.uid === binding.uid && spec?.nodeName === binding.node;
  } catch {
    return false; // the caller reports the failure to bind
  }
}

/** Drops the pod's hold and keeps the pod: the scheduler will ask for it again. */
function dropHold({ namespace, name, uid }: PodBinding, { ledger, heard }: SchedulingDeps): void {
  ledger.podGone(uid);
  const pod = heard(`${namespace}/${name}`);
  if (pod) ledger.podChanged(pod);
}
