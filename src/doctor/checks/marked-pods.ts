import { parse } from 'yaml';
import { isMarked, marksPodsOf } from '../../model/marked-pods.ts';
import { MARK } from '../../model/well-known.ts';
import { isInstalled, placeOf, since, some, type Facts, type Scheduler } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { asksForUs } from './extender-calls.ts';
import { isMeant, type ExtenderEntry } from './extender-entry.ts';

const DEFAULT_SCHEDULER = 'default-scheduler';
/** The policy, and the pod that it should have marked, may both have come a moment ago. */
const WAITED_MS = 120_000;

const MARK_PODS =
  'helm upgrade with --set scheduler.markPods=true, or kubectl apply -k deploy/marked-pods (Kubernetes 1.36 or newer)';
const ASK_ABOUT_ALL = 'or: open-local scheduler-config kubeadm without --marked-pods, and do the steps that it prints';

/** Whether pods are marked where kube-scheduler asks about marked pods alone (docs/decisions/0025). */
export function checkMarkedPods(facts: Facts): readonly Finding[] {
  const { schedulers = [], marking } = facts;
  if (!marking || !isInstalled(facts)) return [];
  const told = schedulers.flatMap((scheduler) => asking(scheduler, facts) ?? []);
  return [...told.flatMap((each) => notMarked(each, facts)), ...withoutMark(told, facts)];
}

/** What a scheduler whose configuration can be read asks the extender about. */
interface Asking {
  readonly object: string;
  /** Whose pods it places. */
  readonly names: readonly string[];
  /** Extended resources of the pods that it asks about; undefined: it asks about every pod. */
  readonly about: readonly string[] | undefined;
}

interface Configuration {
  readonly profiles?: readonly { readonly schedulerName?: string }[];
  readonly extenders?: readonly ExtenderEntry[];
}

/** Undefined where nothing can be said; what is wrong with the entry itself is checkScheduler's. */
function asking({ object, config }: Scheduler, facts: Facts): Asking | undefined {
  const { profiles = [{}], extenders = [] } = readable(config) ?? {};
  const ours = extenders.filter((entry) => isMeant(entry, facts));
  if (ours.length === 0) return undefined;
  const names = profiles.map(({ schedulerName = DEFAULT_SCHEDULER }) => schedulerName);
  const managed = ours.map(({ managedResources = [] }) => managedResources.flatMap(({ name }) => name ?? []));
  return { object, names, about: managed.some((each) => each.length === 0) ? undefined : managed.flat() };
}

function readable(config: string | undefined): Configuration | undefined {
  try {
    return (parse(config ?? '') as Configuration | null) ?? undefined;
  } catch {
    return undefined;
  }
}

function notMarked({ object, names, about }: Asking, facts: Facts): Finding[] {
  if (about === undefined) return [];
  const missed = about.includes(MARK) ? names.filter((name) => !isMarkedBy(name, facts)) : names;
  if (missed.length === 0) return [];
  const what = `It asks the extender only about pods that request ${about.join(' or ')}, and no MutatingAdmissionPolicy has pods of ${missed.join(', ')} request ${MARK}.`;
  return [found('PodsNotMarked', object, what, MARK_PODS, ASK_ABOUT_ALL)];
}

const isMarkedBy = (scheduler: string, { marking }: Facts): boolean =>
  marking !== undefined && marksPodsOf(scheduler, marking.policies, marking.bindings);

/** Where a scheduler's configuration cannot be read, pods are marked because it asks about marked pods alone. */
function withoutMark(told: readonly Asking[], facts: Facts): Finding[] {
  const isAskedAbout = (name: string): boolean =>
    told.some(({ names, about }) => names.includes(name) && about === undefined);
  const waiting = (facts.pendingPods ?? [])
    .filter((pod) => (since(pod.metadata.creationTimestamp, facts.now) ?? 0) > WAITED_MS)
    .filter((pod) => !isMarked(pod) && asksForUs(pod, facts))
    .filter(
      ({ spec: { schedulerName = DEFAULT_SCHEDULER } = {} }) =>
        isMarkedBy(schedulerName, facts) && !isAskedAbout(schedulerName),
    );
  const [first] = waiting;
  if (!first) return [];
  const { namespace = '', name = '' } = first.metadata;
  const what = `It waits and does not request ${MARK}: ${some(waiting.map(placeOf))}.`;
  const mend = `kubectl -n ${namespace} delete pod ${name}   (where a controller makes it anew; it has no node and no data yet)`;
  return [found('PodWithoutMark', `Pod/${placeOf(first)}`, what, mend)];
}
