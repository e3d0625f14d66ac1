import type { PodFacts } from '../../model/facts.ts';
import type { AskedNodes, FilterVerdict, Refusal } from '../../model/verdict.ts';
import { findNodes } from './share-room.ts';
import { sameForAll } from '../placing/filter-nodes.ts';
import { narrow, type FloatPolicy } from '../placing/narrow.ts';
import { pickNodes } from '../placing/plan.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Strategy } from '../placing/search.ts';
import { needsOfPod, type PodNeeds, type PodNeedsOrRefusal } from '../needs/pod-needs.ts';
import type { PodHold } from './pod-hold.ts';
import type { Books } from './books.ts';
import { LEFT_OUT, UNKNOWN_POD } from '../needs/refusal.ts';

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
  const needs = needsOfPod(pod, books);
  if ('refusal' in needs) {
    return { refusals: sameForAll(asked.names.length, needs.refusal), mayFreeUp: needs.soon === true };
  }
  const { plan, refusals, mayFreeUp } = findNodes(books, needs, asked, strategy);
  if (needs.requests.length === 0 || plan.nodes.length === 0) return { refusals, mayFreeUp };

  const isContended = (): boolean => books.podHolds.compete(books.cluster.numbersOf(asked), expiresAt - IN_FLIGHT_MS);
  const picked = narrow(books.cluster, plan, { policy: float, strategy, isContended });
  books.holdForPod(pod.uid, picked ? pickNodes(plan, picked) : plan, expiresAt);
  return { refusals: picked ? leaveOut(refusals, picked) : refusals, mayFreeUp: false };
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
  const needs = needsOf(books, pod, offered?.hold);
  if ('refusal' in needs) return needs.refusal;
  if (offered && isStillHeld(needs, offered.hold, offered.room)) {
    books.podHolds.settle(offered.hold, offered.room);
    offered.hold.expiresAt = expiresAt;
    return undefined;
  }
  books.podHolds.end(podUid);
  const { plan, refusals } = findNodes(books, needs, { names: [node] }, strategy);
  if (!refusals[0] && needs.requests.length > 0) books.holdForPod(podUid, plan, expiresAt);
  return refusals[0];
}

/**
 * Whether exactly what the pod needs is held on the node: a disk may have died since, or a claim been placed and
 * given up.
 */
function isStillHeld({ requests, pin }: PodNeeds, hold: PodHold, node: NodeRoom): boolean {
  if ((pin !== undefined && pin !== node.name) || hold.pending().length !== requests.length) return false;
  return requests.every(({ key }) => {
    const planned = hold.planned(key, node);
    return planned !== undefined && planned.slot.free >= 0 && !planned.slot.refuses(planned.amount);
  });
}

function needsOf(books: Books, pod: PodFacts | undefined, offered: PodHold | undefined): PodNeedsOrRefusal {
  if (pod) return needsOfPod(pod, books);
  return offered ? { requests: offered.pending() } : { refusal: UNKNOWN_POD };
}

/** The refusals, with one more for each node that fits and is not among the `picked` positions of the fitting ones. */
function leaveOut(refusals: readonly (Refusal | undefined)[], picked: readonly number[]): (Refusal | undefined)[] {
  let fitting = 0;
  let next = 0;
  return refusals.map((refusal) => {
    if (refusal) return refusal;
    const isPicked = picked[next] === fitting;
    if (isPicked) next += 1;
    fitting += 1;
    return isPicked ? undefined : LEFT_OUT;
  });
}
