import type { Strategy } from './place-pod.ts';
import type { PodPlan } from './pod-hold.ts';
import { ownShare, worthOf } from './worth.ts';

/**
 * How widely an unsettled pod may float over the nodes that fit:
 * - `wide`: over all;
 * - `one`: over none, the best node is the only answer;
 * - `roomy`: over the nodes with room for `more` further pods like this one, and the best node; so what is nearly full is held for one
 *   pod at a time.
 */
export type FloatPolicy =
  | { readonly kind: 'wide' }
  | { readonly kind: 'one' }
  | { readonly kind: 'roomy'; readonly more: number };

/** The nodes of the plan to answer with, as positions in `plan.nodes`; undefined for all. At least one when the plan has any. */
export function narrow(plan: PodPlan, policy: FloatPolicy, strategy: Strategy): number[] | undefined {
  if (policy.kind === 'wide' || plan.nodes.length <= 1) return undefined;
  if (policy.kind === 'one') return [bestOf(plan, strategy)];
  const roomy: number[] = [];
  for (let i = 0; i < plan.nodes.length; i += 1) if (isRoomy(plan, i, policy.more)) roomy.push(i);
  if (roomy.length === plan.nodes.length) return undefined;
  const best = bestOf(plan, strategy);
  return roomy.includes(best) ? roomy : [...roomy, best].toSorted((a, b) => a - b);
}

/** The plan with these nodes only. */
export function pickNodes(plan: PodPlan, picked: readonly number[]): PodPlan {
  const count = plan.requests.length;
  const range = <T>(from: readonly T[], i: number): readonly T[] => from.slice(i * count, (i + 1) * count);
  return {
    requests: plan.requests,
    nodes: picked.flatMap((i) => plan.nodes[i] ?? []),
    slots: picked.flatMap((i) => range(plan.slots, i)),
    amounts: picked.flatMap((i) => range(plan.amounts, i)),
  };
}

/** Ties go to the first. */
function bestOf(plan: PodPlan, strategy: Strategy): number {
  let best = 0;
  let bestWorth = -1;
  for (let i = 0; i < plan.nodes.length; i += 1) {
    const worth = worthOf(plan, i, strategy, false);
    if (worth <= bestWorth) continue;
    best = i;
    bestWorth = worth;
  }
  return best;
}

/** Room for the pod and `more` others like it, in every slot that it would use. */
function isRoomy(plan: PodPlan, i: number, more: number): boolean {
  const count = plan.requests.length;
  for (let at = i * count; at < (i + 1) * count; at += 1) {
    const slot = plan.slots[at];
    if (!slot) continue;
    const room = slot.kind === 'LVM' ? slot.free : freeUnits(plan, i, slot.kind);
    const own =
      slot.kind === 'LVM' ? ownShare(plan, i, slot) : plan.requests.filter(({ kind }) => kind === slot.kind).length;
    if (room < own * (more + 1)) return false;
  }
  return true;
}

function freeUnits(plan: PodPlan, i: number, kind: string): number {
  return plan.nodes[i]?.units.filter((unit) => unit.kind === kind && unit.free > 0).length ?? 0;
}
