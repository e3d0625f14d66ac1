import type { PodPlan } from '../placing/plan.ts';
import type { Cluster } from '../stock/cluster.ts';
import { NONE } from '../stock/columns.ts';
import type { Slot } from '../stock/slot.ts';

/**
 * What must hold whenever room was promised, looked at where it is written; where it is read (bind, and the audit) it
 * is looked at again. A promise that breaks it is taken back: docs/ledger.md, R20.
 */

/** What is wrong with a hold that was just taken: room held beyond what is free, or on another node than it says. */
export function brokenHold(cluster: Cluster, { nodes, rows, requests }: PodPlan): string | undefined {
  const { free, nodeOf } = cluster.columns;
  const count = requests.length;
  for (let i = 0; i < nodes.length; i += 1)
    for (let at = i * count; at < (i + 1) * count; at += 1) {
      const row = rows[at]!;
      if (row === NONE || (free[row]! >= 0 && nodeOf[row] === nodes[i])) continue;
      return brokenSlot(cluster.slot(row)) ?? `a hold on node ${cluster.node(nodes[i]!).name} is in a slot of another`;
    }
  return undefined;
}

/** What is wrong with a slot in which a volume was just placed. */
export function brokenSlot({ free, kind, name, node }: Slot): string | undefined {
  return free < 0 ? `${-free} more than there is were promised in ${kind} ${name} of node ${node.name}` : undefined;
}
