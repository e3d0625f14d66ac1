import type { Cluster } from '../stock/cluster.ts';
import { NONE } from '../stock/columns.ts';
import type { Strategy } from './search.ts';
import type { PodPlan } from './plan.ts';
import { ownShare, nodeScore } from './node-score.ts';

/**
 * How widely an unsettled pod may float over the nodes that fit:
 * - `wide`: over all;
 * - `one`: over none, the best node is the only answer;
 * - `roomy`: while other pods compete, over the nodes with room for `more` further pods like this one, and the best
 *   node, so a nearly full node is held for one pod at a time; over all while nobody does.
 */
export type FloatPolicy =
  | { readonly kind: 'wide' }
  | { readonly kind: 'one' }
  | { readonly kind: 'roomy'; readonly more: number };

/** Chosen by bench/burst.ts: docs/decisions/0004-float-where-there-is-plenty.md. */
export const DEFAULT_FLOAT: FloatPolicy = { kind: 'roomy', more: 4 };

export interface NarrowingRules {
  readonly policy: FloatPolicy;
  readonly strategy: Strategy;
  /** Whether other pods are being placed on the same nodes just now. Asked only when it matters. */
  readonly isContended: () => boolean;
}

/**
 * The nodes of the plan to answer with, as positions in `plan.nodes`; undefined for all. At least one when the plan
 * has any.
 */
export function narrow(
  cluster: Cluster,
  plan: PodPlan,
  { policy, strategy, isContended }: NarrowingRules,
): number[] | undefined {
  if (policy.kind === 'wide' || plan.nodes.length <= 1) return undefined;
  if (policy.kind === 'one') return [bestOf(cluster, plan, strategy)];
  const { more } = policy;
  if (plan.nodes.every((_node, i) => isRoomy(cluster, plan, i, more)) || !isContended()) return undefined;
  const roomy = [...plan.nodes.keys()].filter((i) => isRoomy(cluster, plan, i, more));
  const best = bestOf(cluster, plan, strategy);
  return roomy.includes(best) ? roomy : [...roomy, best].toSorted((a, b) => a - b);
}

/** Ties go to the first. */
function bestOf(cluster: Cluster, plan: PodPlan, strategy: Strategy): number {
  let best = 0;
  let bestScore = -1;
  for (let i = 0; i < plan.nodes.length; i += 1) {
    const score = nodeScore(cluster, plan, i, { strategy, taken: false });
    if (score <= bestScore) continue;
    best = i;
    bestScore = score;
  }
  return best;
}

/** Room for the pod and `more` others like it, in every slot that it would use. */
function isRoomy(cluster: Cluster, plan: PodPlan, i: number, more: number): boolean {
  const { columns } = cluster;
  const count = plan.requests.length;
  for (let at = i * count; at < (i + 1) * count; at += 1) {
    const row = plan.rows[at]!;
    if (row === NONE) continue;
    const { kind } = plan.requests[at - i * count]!;
    const isGroup = columns.groupName[row] !== NONE;
    const room = isGroup ? columns.free[row]! : freeUnits(cluster, plan.nodes[i]!, kind);
    const own = isGroup ? ownShare(plan, i, row) : plan.requests.filter((request) => request.kind === kind).length;
    if (room < own * (more + 1)) return false;
  }
  return true;
}

function freeUnits(cluster: Cluster, node: number, kind: string): number {
  return cluster.node(node).units.filter((unit) => unit.kind === kind && unit.free > 0).length;
}
