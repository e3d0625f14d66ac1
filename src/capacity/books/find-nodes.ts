import type { PodFacts } from '../../model/facts.ts';
import type { AskedNodes, Refusal } from '../../model/verdict.ts';
import { needsOfPod, type Refused } from '../needs/pod-needs.ts';
import { byNeed, type VolumeRequest } from '../needs/volume-request.ts';
import { sameForAll, type NodesThatFit } from '../placing/filter-nodes.ts';
import type { PodPlan } from '../placing/plan.ts';
import type { Strategy } from '../placing/search.ts';
import { NONE } from '../stock/columns.ts';
import type { Books } from './books.ts';
import type { CountedOnPv } from './pv-holds.ts';
import { servedNodes, withoutClaims, type ServedClaims, type ServedNodes } from './served-by-pv.ts';
import { findNodes } from './share-room.ts';

/** Which nodes a pod fits on, by room and by existing PersistentVolumes. */
export interface NodesForPod extends NodesThatFit {
  /** By position: whether the node is in the plan. Absent: every node that fits is. */
  readonly isPlanned?: (position: number) => boolean;
  /** By position: the claims that need no room there. */
  readonly served?: readonly ServedClaims[];
}

/**
 * Which nodes suit the pod. Where a claim would be bound to a PersistentVolume that exists, it needs no room, so the
 * pod's needs differ from node to node (R18, what exists needs no room).
 */
export function findNodesForPod(books: Books, pod: PodFacts, asked: AskedNodes, strategy: Strategy): NodesForPod {
  const groups = servedNodes(books, pod, asked);
  if (!groups) return findAlike(books, pod, asked, strategy);
  const served: ServedClaims[] = [];
  const parts = groups.map((group): Part => {
    for (const position of group.positions) served[position] = group.served;
    const names = group.positions.map((position) => asked.names[position]!);
    return { ...group, found: findAlike(books, withoutClaims(pod, group.served), { names }, strategy) };
  });
  return { ...merge(parts, asked.names.length), served };
}

/** The PersistentVolumes that the pod counts on where it fits. */
export function countedOn(
  { served = [] }: NodesForPod,
  refusals: readonly (Refusal | undefined)[],
  asked: Pick<AskedNodes, 'names'>,
): CountedOnPv[] {
  const items = new Map<string, CountedOnPv & { readonly nodes: string[] }>();
  served.forEach((claims, position) => {
    if (refusals[position]) return;
    for (const [key, pv] of claims) {
      const item = items.get(`${key} ${pv}`) ?? { pv, key, nodes: [] };
      item.nodes.push(asked.names[position]!);
      items.set(`${key} ${pv}`, item);
    }
  });
  return [...items.values()];
}

/** Nodes on which the pod needs the same. */
function findAlike(books: Books, pod: PodFacts, asked: AskedNodes, strategy: Strategy): NodesThatFit {
  const needs = needsOfPod(pod, books);
  return 'refusal' in needs ? refuseAll(needs, asked.names.length) : findNodes(books, needs, asked, strategy);
}

function refuseAll({ refusal, soon = false }: Refused, count: number): NodesThatFit {
  const plan = { requests: [], nodes: new Int32Array(), rows: new Int32Array(), amounts: new Float64Array() };
  return { refusals: sameForAll(count, refusal), plan, mayFreeUp: soon };
}

interface Part extends ServedNodes {
  readonly found: NodesThatFit;
}

/**
 * One plan of several. A volume that a node need not make has the row NONE there; a node that makes none is not in
 * it.
 */
function merge(parts: readonly Part[], count: number): NodesThatFit & { isPlanned: (position: number) => boolean } {
  const refusals = sameForAll<Refusal | undefined>(count, undefined);
  const planned: { readonly plan: PodPlan; readonly i: number }[] = [];
  for (const { positions, found } of parts) {
    let next = 0;
    positions.forEach((position, at) => {
      refusals[position] = found.refusals[at];
      if (!found.refusals[at] && found.plan.requests.length > 0) planned[position] = { plan: found.plan, i: next++ };
    });
  }
  const isAnyFit = refusals.some((refusal) => refusal === undefined);
  return {
    refusals,
    plan: mergePlans(planned.filter((one) => one !== undefined)),
    mayFreeUp: !isAnyFit && parts.some(({ found }) => found.mayFreeUp),
    isPlanned: (position) => planned[position] !== undefined,
  };
}

function mergePlans(planned: readonly { readonly plan: PodPlan; readonly i: number }[]): PodPlan {
  const all = new Map<string, VolumeRequest>(
    planned.flatMap(({ plan }) => plan.requests.map((request): [string, VolumeRequest] => [request.key, request])),
  );
  const requests = [...all.values()].toSorted(byNeed);
  const at = planned.flatMap(({ plan, i }) =>
    requests.map(({ key }) => {
      const j = plan.requests.findIndex((request) => request.key === key);
      const from = i * plan.requests.length + j;
      return j < 0 ? { row: NONE, amount: 0 } : { row: plan.rows[from]!, amount: plan.amounts[from]! };
    }),
  );
  return {
    requests,
    nodes: Int32Array.from(planned, ({ plan, i }) => plan.nodes[i]!),
    rows: Int32Array.from(at, ({ row }) => row),
    amounts: Float64Array.from(at, ({ amount }) => amount),
  };
}
