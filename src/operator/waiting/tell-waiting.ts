import { setImmediate } from 'node:timers/promises';
import type { Ledger } from '../../capacity/ledger.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { PODS } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { createWorkQueue, type Again } from '../../kube/work/work-queue.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { Log } from '../../model/log.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import type { Clock } from '../../wait/clock.ts';
import { pause } from '../../wait/pause.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import type { CountedStorages } from '../follow/silent-nodes.ts';
import { createPodsByClaim, podKey } from './pods-by-claim.ts';
import type { RefusedClaims } from './refused-claims.ts';
import { explainPod } from './explain-pod.ts';
import { hasNodeAndClaims, sayNamedNode } from './named-node.ts';
import type { Told } from './sentences.ts';
import { isOpen, isWaiting, refusedClaimOf } from './waiting-pod.ts';
import { sayUnseen, UNSEEN_MS } from './unseen-pod.ts';
import { WaitList, type Wait } from './wait-list.ts';

export interface TellWaitingDeps {
  readonly informers: Informers;
  /** As the ledger hears of them. */
  readonly storages: Pick<CountedStorages, 'get'>;
  readonly ledger: Pick<Ledger, 'lacks' | 'classesOf' | 'node'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly refused: RefusedClaims;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with what is told of a pod whenever it changes. */
  readonly onTold?: (pod: PodFacts, told: Told) => void;
}

/** A pod that is placed within this time is told nothing: most that are refused once are placed a moment later. Ms. */
const PATIENCE_MS = 15_000;
/** After it is known what a pod asks for, so that those that came with it are counted by then. Ms. */
const COUNT_MS = 1000;
/** Something new is told of a pod no sooner than this. Ms. */
const AGAIN_MS = 5 * 60_000;
/** Between two pods that are explained: what it costs is a small part of the time, whatever the number of nodes. Ms. */
const PACE_MS = 50;
const MAX_CHARS = 1024;

/**
 * Tells pods that wait for our room why, by Events: kube-scheduler refuses those that ask for more than the largest
 * group by its own capacity check, without a number and without asking us. Works until aborted.
 */
export async function tellWaiting(deps: TellWaitingDeps, signal: AbortSignal): Promise<void> {
  const { informers, refused, clock, log } = deps;
  const list = new WaitList();
  const work = async (key: string): Promise<Again | void> => {
    // Many pods come due at once, and the extender must be heard in between.
    await setImmediate();
    return look(key, list, deps, signal);
  };
  const queue = createWorkQueue({ name: 'waiting pods', log, clock, reconcile: work });
  const byClaim = createPodsByClaim();
  const note = (pod: PodFacts): void => {
    const key = podKey(pod);
    if (!isOpen(pod) && !hasNodeAndClaims(pod)) return forget(pod);
    byClaim.add(pod);
    if (!mayBeTold(pod, refused)) list.remove(key);
    else {
      const isNew = list.add(key, pod.uid, clock.now());
      if (list.isSeenNow(key, isUnseen(pod)) || isNew) queue.add(key);
    }
  };
  const forget = (pod: PodFacts): void => {
    byClaim.remove(pod);
    list.remove(podKey(pod));
  };
  const noteKey = (key: string): void => {
    const pod = informers.pods.get(key);
    if (pod) note(pod);
    // There may have been nothing to tell it before.
    if (list.get(key)) queue.add(key);
  };
  if (!(await allSynced(informers, signal))) return;
  const leave = [
    informers.pods.subscribe({ changed: note, deleted: forget }),
    informers.claims.subscribe({
      changed: ({ namespace, name, bound }) => bound && refused.forget(`${namespace}/${name}`),
      deleted: ({ namespace, name }) => refused.forget(`${namespace}/${name}`),
    }),
    refused.subscribe((claim) => byClaim.podsOf(claim).forEach(noteKey)),
  ];
  for (const pod of informers.pods.values.values()) note(pod);
  await queue.run(signal);
  for (const stop of leave) stop();
}

/** Looks at one pod, tells what is new, and says when to look again; never again once it waits no more. */
async function look(key: string, list: WaitList, deps: TellWaitingDeps, signal: AbortSignal): Promise<Again | void> {
  const { informers, refused, clock } = deps;
  const wait = list.get(key);
  const pod = informers.pods.get(key);
  if (!wait || pod?.uid !== wait.uid || !mayBeTold(pod, refused)) return list.remove(key);
  const waitMs = dueAt(wait, patienceWith(pod, refused)) - clock.now();
  if (waitMs > 0) return { afterMs: waitMs };
  const alike = askOf(pod, deps);
  if (alike !== undefined && list.join(key, alike)) return { afterMs: COUNT_MS };
  if (alike !== undefined && list.mayTell(key, clock.now())) {
    const told = await why(pod, deps);
    if (!told) list.quiet(key, clock.now() + AGAIN_MS);
    // It may have got its node meanwhile, or may run.
    else if (informers.pods.get(key) === pod) record(pod, told, { wait, others: list.untoldLike(key) }, deps);
    await pause(PACE_MS, signal);
  }
  return { afterMs: AGAIN_MS };
}

const mayBeTold = (pod: PodFacts, refused: RefusedClaims): boolean =>
  isWaiting(pod, refused) || hasNodeAndClaims(pod) || isUnseen(pod);

const isUnseen = (pod: PodFacts): boolean => isOpen(pod) && pod.unseenBy !== undefined;

async function why(pod: PodFacts, deps: TellWaitingDeps): Promise<Told | undefined> {
  const { nodes, claims, classes } = deps.informers;
  const refusedClaim = refusedClaimOf(pod, deps.refused);
  if (isUnseen(pod) && !refusedClaim) return sayUnseen(pod, deps.ledger.lacks(pod, []).asked);
  if (!hasNodeAndClaims(pod)) return (await explainPod(pod, { ...deps, nodes: nodes.values }, refusedClaim)).told;
  return sayNamedNode(pod, deps.ledger.lacks(pod, []).asked, {
    claim: (key) => claims.get(key),
    storageClass: (name) => classes.get(name),
    hostname: (node) => nodes.get(node)?.labels[TOPOLOGY_KEY],
  });
}

const patienceWith = (pod: PodFacts, refused: RefusedClaims): number =>
  isUnseen(pod) && refusedClaimOf(pod, refused) === undefined ? UNSEEN_MS : PATIENCE_MS;

const dueAt = ({ since, told }: Wait, patienceMs: number): number => (told ? told.at + AGAIN_MS : since + patienceMs);

/** What the pod asks for, in a text that is the same for pods that ask for the same; undefined: for nothing of ours. */
function askOf(pod: PodFacts, { ledger, refused }: TellWaitingDeps): string | undefined {
  const { asked } = ledger.lacks(pod, []);
  const asks = asked.map((volume) => ({ ...volume, name: '' }));
  const isRefused = refusedClaimOf(pod, refused) !== undefined;
  return asks.length === 0
    ? undefined
    : JSON.stringify([pod.namespace, asks, isRefused, pod.unscheduled, pod.nodeName, pod.unseenBy]);
}

/** What was told last is not told again. */
function record(
  pod: PodFacts,
  { reason, message }: Told,
  { wait, others }: { readonly wait: Wait; readonly others: number },
  { events, clock, onTold }: TellWaitingDeps,
): void {
  if (message === wait.told?.message) return;
  onTold?.(pod, { reason, message });
  wait.told = { message, at: clock.now() };
  events.record({ subject: subjectOf(PODS, pod), type: 'Warning', reason, message: withOthers(message, others) });
}

/** The others are not counted as news: their number changes all the time. */
function withOthers(message: string, count: number): string {
  if (count === 0) return message;
  const others = ` ${count} more ${count === 1 ? 'pod waits' : 'pods wait'} here for the same, untold.`;
  return `${message.slice(0, MAX_CHARS - others.length)}${others}`;
}
