import type { Cluster } from '../stock/cluster.ts';
import { NONE } from '../stock/columns.ts';
import type { Strategy } from './search.ts';
import type { PodPlan } from './plan.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';

export interface NodeScoreRules {
  readonly strategy: Strategy;
  /** The room of the plan is held already. */
  readonly taken: boolean;
}

/**
 * Scores the plan's node `i` for the pod from 0 to 1, on the state after placing: with binpack the fuller the better,
 * with spread the emptier. The mean over the volumes that are made there.
 */
export function nodeScore(cluster: Cluster, plan: PodPlan, i: number, rules: NodeScoreRules): number {
  const count = plan.requests.length;
  const { columns } = cluster;
  let sum = 0;
  let made = 0;
  for (let j = 0; j < count; j += 1) {
    const at = i * count + j;
    const row = plan.rows[at]!;
    if (row === NONE) continue;
    made += 1;
    if (columns.groupName[row] === NONE) {
      sum += unitScore(cluster, plan.nodes[i]!, plan.requests[j]!.kind, rules);
    } else {
      const room = columns.free[row]! - (rules.taken ? 0 : ownShare(plan, i, row));
      sum += groupScore(room, columns.total[row]!, rules.strategy);
    }
  }
  return made === 0 ? 0 : sum / made;
}

/** What the pod's own volumes take in the row on the plan's node `i`. */
export function ownShare({ requests, rows, amounts }: PodPlan, i: number, row: number): number {
  let share = 0;
  for (let at = i * requests.length; at < (i + 1) * requests.length; at += 1) {
    if (rows[at] === row) share += amounts[at]!;
  }
  return share;
}

function groupScore(room: number, total: number, strategy: Strategy): number {
  if (total === 0) return 0;
  const empty = Math.min(1, Math.max(0, room / total));
  return strategy === 'spread' ? empty : 1 - empty;
}

/** The share of the node's units of this kind that are in use then, or with spread stay free. */
function unitScore(
  cluster: Cluster,
  node: number,
  wanted: VolumeRequest['kind'],
  { strategy, taken }: NodeScoreRules,
): number {
  const alike = cluster.node(node).units.filter(({ kind }) => kind === wanted);
  if (alike.length === 0) return 0;
  const free = alike.filter((unit) => unit.free > 0).length - (taken ? 0 : 1);
  return strategy === 'spread' ? free / alike.length : 1 - free / alike.length;
}
