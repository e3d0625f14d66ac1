import type { AskedNodes, Refusal } from '../../model/verdict.ts';
import type { PodNeeds } from '../needs/pod-needs.ts';
import { HELD_ELSEWHERE } from '../needs/refusal.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';
import { filterNodes, type NodesThatFit } from '../placing/filter-nodes.ts';
import type { Strategy } from '../placing/search.ts';
import type { Cluster } from '../stock/cluster.ts';
import type { Books } from './books.ts';
import type { PodHold } from './pod-hold.ts';

/**
 * Which nodes have room for what the pod needs. Room that another pod holds for the same claim is borrowed: it counts
 * once (R15, one claim counts once), and the pod can only go where that pod can, since one node will have the volume.
 */
export function findNodes(books: Books, needs: PodNeeds, asked: AskedNodes, strategy: Strategy): NodesThatFit {
  const holders = new Map(
    needs.requests.flatMap((request): [VolumeRequest, PodHold][] => {
      const holder = books.podHolds.holderOf(request, needs.podUid);
      return holder ? [[request, holder]] : [];
    }),
  );
  if (holders.size === 0) return filterNodes(books.cluster, needs, asked, strategy);
  const own = needs.requests.filter((request) => !holders.has(request));
  const found = filterNodes(books.cluster, { ...needs, requests: own }, asked, strategy);
  return borrow(books, { own, found, holders }, asked);
}

/** A disk may have died since the room was held, the node gone, or its agent refused such a volume. */
function isStillThere(cluster: Cluster, node: number, { row, amount }: { row: number; amount: number }): boolean {
  const { present, free, refusedFrom } = cluster.columns;
  return amount > 0 && present[node] === 1 && free[row]! >= 0 && amount < refusedFrom[row]!;
}

interface Borrowing {
  readonly own: readonly VolumeRequest[];
  /** Where the pod's own requests fit. */
  readonly found: NodesThatFit;
  readonly holders: ReadonlyMap<VolumeRequest, PodHold>;
}

/** Leaves the nodes where all borrowed room is held, with that room in the plan at the amount 0. */
function borrow({ cluster }: Books, { own, found, holders }: Borrowing, asked: AskedNodes): NodesThatFit {
  const numbers = cluster.numbersOf(asked);
  const rooms = [...holders].map(([{ key }, holder]) => holder.roomFor(key));
  const nodes: number[] = [];
  const rows: number[] = [];
  const amounts: number[] = [];
  let next = 0;
  const refusals = found.refusals.map((refusal, position): Refusal | undefined => {
    if (refusal) return refusal;
    const node = numbers[position]!;
    const i = next++;
    const borrowed = rooms.map((room) => room.get(node));
    if (!borrowed.every((room) => room !== undefined && isStillThere(cluster, node, room))) return HELD_ELSEWHERE;
    nodes.push(node);
    rows.push(...found.plan.rows.subarray(i * own.length, (i + 1) * own.length), ...borrowed.map((room) => room!.row));
    amounts.push(...found.plan.amounts.subarray(i * own.length, (i + 1) * own.length), ...borrowed.map(() => 0));
    return undefined;
  });
  const plan = {
    requests: [...own, ...holders.keys()],
    nodes: Int32Array.from(nodes),
    rows: Int32Array.from(rows),
    amounts: Float64Array.from(amounts),
  };
  return { refusals, plan, mayFreeUp: found.mayFreeUp };
}
