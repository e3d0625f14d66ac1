import type { PodFacts } from '../../model/facts.ts';
import type { AskedNodes, FilterVerdict, Refusal } from '../../model/verdict.ts';
import { filterNodes, sameForAll } from '../placing/filter-nodes.ts';
import { narrow, type FloatPolicy } from '../placing/narrow.ts';
import { pickNodes } from '../placing/plan.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Strategy } from '../placing/search.ts';
import { planPod, type PodNeeds, type PodNeedsOrRefusal } from '../needs/pod-needs.ts';
import type { PodHold } from './pod-hold.ts';
import type { Books } from './books.ts';
import { LEFT_OUT, UNKNOWN_POD } from '../needs/refusal.ts';

export interface DecidingRules {
  readonly strategy: Strategy;
  readonly float: FloatPolicy;
  /** When the room is given back if nothing more is heard of the pod, ms. */
  readonly expiresAt: number;
}

/** Answers filter, and holds the room on the nodes of the answer in place of what was held for the pod before. */
export function filterPod(
  books: Books,
  pod: PodFacts,
  asked: AskedNodes,
  { strategy, float, expiresAt }: DecidingRules,
): FilterVerdict {
  books.podHolds.end(pod.uid);
  const needs = planPod(pod, books);
  if ('refusal' in needs) {
    return { refusals: sameForAll(asked.names.length, needs.refusal), mayFreeUp: needs.soon === true };
  }
  const { plan, refusals, mayFreeUp } = filterNodes(books.cluster, needs, asked, strategy);
  if (needs.requests.length === 0 || plan.nodes.length === 0) return { refusals, mayFreeUp };

  const picked = narrow(books.cluster, plan, float, strategy);
  if (picked) leaveOut(refusals, picked);
  books.holdForPod(pod.uid, picked ? pickNodes(plan, picked) : plan, expiresAt);
  return { refusals, mayFreeUp: false };
}

/** Keeps the pod's room on this node and nowhere else. `pod`: its facts, in case nothing is held for it there. */
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
  if (offered && isKept(needs, offered.hold, offered.room)) {
    offered.hold.settleOn(offered.room);
    offered.hold.expiresAt = expiresAt;
    return undefined;
  }
  books.podHolds.end(podUid);
  const { plan, refusals } = filterNodes(books.cluster, needs, { names: [node] }, strategy);
  if (!refusals[0] && needs.requests.length > 0) books.holdForPod(podUid, plan, expiresAt);
  return refusals[0];
}

/** Whether what the pod needs is still held on the node, and nothing else: a disk may have died since, or a claim been placed and given up. */
function isKept({ requests, pin }: PodNeeds, hold: PodHold, node: NodeRoom): boolean {
  if ((pin !== undefined && pin !== node.name) || hold.pending().length !== requests.length) return false;
  return requests.every(({ key }) => (hold.planned(key, node)?.slot.free ?? -1) >= 0);
}

function needsOf(books: Books, pod: PodFacts | undefined, offered: PodHold | undefined): PodNeedsOrRefusal {
  if (pod) return planPod(pod, books);
  return offered ? { requests: offered.pending() } : { refusal: UNKNOWN_POD };
}

/** `picked`: which of those that are not refused stay so, in order. */
function leaveOut(refusals: (Refusal | undefined)[], picked: readonly number[]): void {
  let fitting = 0;
  let next = 0;
  refusals.forEach((refusal, position) => {
    if (refusal) return;
    if (picked[next] === fitting) next += 1;
    else refusals[position] = LEFT_OUT;
    fitting += 1;
  });
}
