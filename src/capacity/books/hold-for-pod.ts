import type { PodFacts } from '../../model/facts.ts';
import type { AskedNodes, FilterVerdict, Refusal } from '../../model/verdict.ts';
import { findNodes } from './share-room.ts';
import { brokenHold } from './invariants.ts';
import { countedOn, findNodesForPod, type NodesForPod } from './find-nodes.ts';
import { servedNodes, withoutClaims } from './served-by-pv.ts';
import { narrow, type FloatPolicy } from '../placing/narrow.ts';
import { sameForAll } from '../placing/filter-nodes.ts';
import { pickNodes, type PodPlan } from '../placing/plan.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Strategy } from '../placing/search.ts';
import { needsOfPod, type PodNeeds, type PodNeedsOrRefusal } from '../needs/pod-needs.ts';
import type { PodHold } from './pod-hold.ts';
import type { Books } from './books.ts';
import { BROKEN, LEFT_OUT, UNKNOWN_POD } from '../needs/refusal.ts';

export interface DecidingRules {
  readonly strategy: Strategy;
  readonly float: FloatPolicy;
  /** When the hold ends if nothing more is heard of the pod, ms. */
  readonly expiresAt: number;
}

/**
 * How long a pod counts as being placed after its filter, once its node is known, ms: so long after the last pod of a
 * burst, one that comes is offered every node again.
 */
const IN_FLIGHT_MS = 1000;

/** Answers filter, and holds the room on the nodes of the answer in place of what was held for the pod before. */
export function filterPod(
  books: Books,
  pod: PodFacts,
  asked: AskedNodes,
  { strategy, float, expiresAt }: DecidingRules,
): FilterVerdict {
  books.podHolds.end(pod.uid);
  books.pvHolds.end(pod.uid);
  const found = findNodesForPod(books, pod, asked, strategy);
  const { plan, refusals, mayFreeUp } = found;
  const isContended = (): boolean => books.podHolds.compete(books.cluster.numbersOf(asked), expiresAt - IN_FLIGHT_MS);
  const picked = narrow(books.cluster, plan, { policy: float, strategy, isContended });
  const answer = picked ? leaveOut(found, picked) : refusals;
  books.pvHolds.set(pod.uid, countedOn(found, answer, asked), expiresAt);
  if (plan.requests.length === 0 || plan.nodes.length === 0) return { refusals, mayFreeUp };
  const broken = holdOrTell(books, pod.uid, picked ? pickNodes(plan, picked) : plan, expiresAt);
  const hold = books.podHolds.get(pod.uid);
  if (hold) hold.oldNomination = pod.nominatedNode;
  return { refusals: broken ? sameForAll(refusals.length, broken) : answer, mayFreeUp: false };
}

/** Settles the pod on this node. `pod`: its facts, to plan it anew in case nothing is held for it there. */
export function bindPod(
  books: Books,
  ask: { readonly podUid: string; readonly pod: PodFacts | undefined; readonly node: string },
  { strategy, expiresAt }: DecidingRules,
): Refusal | undefined {
  const { podUid, pod, node } = ask;
  const hold = books.podHolds.get(podUid);
  const room = books.cluster.peek(node);
  const offered = hold && room && hold.covers(room) ? { hold, room } : undefined;
  const needs = needsOn(books, pod, node, offered);
  if ('refusal' in needs) return needs.refusal;
  books.pvHolds.settle(podUid, node);
  if (offered && isStillHeld(needs, offered.hold, offered.room)) {
    books.podHolds.settle(offered.hold, offered.room);
    offered.hold.expiresAt = expiresAt;
    return undefined;
  }
  books.podHolds.end(podUid);
  const { plan, refusals } = findNodes(books, needs, { names: [node] }, strategy);
  if (refusals[0] || needs.requests.length === 0) return refusals[0];
  return holdOrTell(books, podUid, plan, expiresAt);
}

/** Holds the room, or takes it back and says so when more would be held than there is (R20, promises are checked). */
function holdOrTell(books: Books, podUid: string, plan: PodPlan, expiresAt: number): Refusal | undefined {
  books.holdForPod(podUid, plan, expiresAt);
  const broken = brokenHold(books.cluster, books.podHolds.get(podUid)?.plan ?? plan);
  if (broken === undefined) return undefined;
  books.podHolds.end(podUid);
  books.pvHolds.end(podUid);
  books.tellBroken(broken);
  return BROKEN;
}

/**
 * Whether exactly what the pod needs is held on the node: a disk may have died since, or a claim been placed and
 * given up.
 */
function isStillHeld({ requests, pin }: PodNeeds, hold: PodHold, node: NodeRoom): boolean {
  if ((pin !== undefined && pin !== node.name) || hold.pendingOn(node).length !== requests.length) return false;
  return requests.every(({ key }) => {
    const planned = hold.planned(key, node);
    return planned !== undefined && planned.slot.free >= 0 && !planned.slot.refuses(planned.amount);
  });
}

/** What the pod needs on this node, beside what it counts on there already. */
function needsOn(
  books: Books,
  pod: PodFacts | undefined,
  node: string,
  offered: { readonly hold: PodHold; readonly room: NodeRoom } | undefined,
): PodNeedsOrRefusal {
  if (!pod) return offered ? { requests: offered.hold.pendingOn(offered.room) } : { refusal: UNKNOWN_POD };
  const counted = withoutClaims(pod, books.pvHolds.servedOn(pod.uid, node));
  const [{ served } = { served: new Map() }] = servedNodes(books, counted, { names: [node] }) ?? [];
  return needsOfPod(withoutClaims(counted, served), books);
}

/** The refusals, with one more for each node of the plan that is not among the `picked` ones. */
function leaveOut({ refusals, isPlanned }: NodesForPod, picked: readonly number[]): (Refusal | undefined)[] {
  let fitting = 0;
  let next = 0;
  return refusals.map((refusal, position) => {
    if (refusal || isPlanned?.(position) === false) return refusal;
    const isPicked = picked[next] === fitting;
    if (isPicked) next += 1;
    fitting += 1;
    return isPicked ? undefined : LEFT_OUT;
  });
}
