import { present } from '../../model/present.ts';
import type { ClaimHolds } from './claim-holds.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Cluster } from '../stock/cluster.ts';
import { planOn } from '../placing/plan.ts';
import { suits, type Strategy } from '../placing/search.ts';
import { byNeed, type VolumeRequest } from '../needs/volume-request.ts';

/**
 * Holds room for one more claim by planning all claims of the node anew; false when they do not fit together. After a
 * restart claims are heard of in any order, and what fitted in one order need not fit in another. No CreateVolume has
 * been answered for these claims, so their groups and disks may still change.
 */
export function takeTogether(
  cluster: Cluster,
  holds: ClaimHolds,
  {
    node,
    request,
    strategy,
  }: { readonly node: NodeRoom; readonly request: VolumeRequest; readonly strategy: Strategy },
): boolean {
  const others = holds.on(node);
  if (others.length === 0 || !hasRoomInPieces(node, request)) return false;
  for (const { slot, amount } of others) slot.planned -= amount;
  const requests = [request, ...others.map((hold) => hold.request)].toSorted(byNeed);
  const plan = planOn(cluster, node, requests, strategy);
  for (const { slot, amount } of others) slot.planned += amount;
  if (!plan) return false;

  // A claim that is moved has no more time than before (R23, unasked is not held).
  const ends = new Map(others.map(({ request: { claimUid }, expiresAt }) => [claimUid, expiresAt]));
  for (const uid of ends.keys()) holds.end(uid ?? '');
  requests.forEach((planned, j) => {
    const slot = cluster.slot(plan.rows[j]!);
    const expiresAt = ends.get(planned.claimUid);
    const hold = { request: planned, node, slot, amount: plan.amounts[j]!, ...present({ expiresAt }) };
    holds.take(planned.claimUid ?? '', hold);
  });
  return true;
}

/** Enough bytes in all groups together, or a free unit of the kind: without that no order helps. */
function hasRoomInPieces(node: NodeRoom, request: VolumeRequest): boolean {
  if (request.kind !== 'LVM') {
    const isFree = node.units.some(({ kind, free }) => kind === request.kind && free > 0);
    return isFree && node.units.some((unit) => suits(unit, request));
  }
  let free = 0;
  for (const group of node.groups) free += Math.max(0, group.free);
  return free >= request.size;
}
