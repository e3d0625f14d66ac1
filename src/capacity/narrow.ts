import type { Strategy } from './place-pod.ts';
import type { PodPlan } from './pod-hold.ts';
import { worthOf } from './worth.ts';

/**
 * How widely an unsettled pod may float over the nodes that fit:
 * - `wide`: over all;
 * - `one`: over none, the best node is the only answer;
 * - `roomy`: over the nodes with room for `more` further pods like this one, and the best node; so what is nearly full is held for one
 *   pod at a time.
 */
export type FloatPolicy = { readonly kind: 'wide' | 'one' } | { readonly kind: 'roomy'; readonly more: number };

/** The nodes of the plan to answer with, as positions in `plan.nodes`. At least one when the plan has any. */
export function narrow(plan: PodPlan, policy: FloatPolicy, strategy: Strategy): number[] {
  const all = plan.nodes.map((_, i) => i);
  if (policy.kind === 'wide' || all.length <= 1) return all;
  if (policy.kind === 'roomy') {
    const roomy = all.filter((i) => isRoomy(plan, i, policy.more));
    if (roomy.length === all.length) return all;
    const best = bestOf(plan, all, strategy);
    return roomy.includes(best) ? roomy : [...roomy, best].toSorted((a, b) => a - b);
  }
  return [bestOf(plan, all, strategy)];
}

/** The plan with these nodes only. */
export function pickNodes(plan: PodPlan, picked: readonly number[]): PodPlan {
  if (picked.length === plan.nodes.length) return plan;
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
function bestOf(plan: PodPlan, among: readonly number[], strategy: Strategy): number {
  let best = 0;
  let bestWorth = -1;
  for (const i of among) {
    const worth = worthOf(plan, i, strategy, false);
    if (worth > bestWorth) [best, bestWorth] = [i, worth];
  }
  return best;
}

function isRoomy(plan: PodPlan, i: number, more: number): boolean {
  const count = plan.requests.length;
  const own = new Map<string, number>();
  for (let at = i * count; at < (i + 1) * count; at += 1) {
    const slot = plan.slots[at];
    if (!slot) continue;
    const name = slot.kind === 'LVM' ? slot.name : slot.kind;
    const taken = (own.get(name) ?? 0) + (plan.amounts[at] ?? 0);
    own.set(name, taken);
    const room = slot.kind === 'LVM' ? slot.free : freeUnits(plan, i, slot.kind);
    if (room < taken * (more + 1)) return false;
  }
  return true;
}

function freeUnits(plan: PodPlan, i: number, kind: string): number {
  return plan.nodes[i]?.units.filter((unit) => unit.kind === kind && unit.free > 0).length ?? 0;
}
