import type { UnitFacts } from '../model/facts.ts';
import type { GroupSlot } from './stock/group-slot.ts';
import type { NodeRoom } from './stock/node-stock.ts';

/**
 * A volume group in numbers, all in bytes; docs/ledger.md has the formula. `free` is negative when more is recorded
 * than there is.
 */
export interface GroupState {
  readonly name: string;
  readonly total: number;
  readonly reserved: number;
  readonly observed: number;
  readonly recorded: number;
  /** By volumes, each counted once. */
  readonly taken: number;
  /** In use, and shown by no volume: mirrors, thin pools, moves. */
  readonly unattributed: number;
  readonly settled: number;
  readonly floating: number;
  readonly free: number;
}

export interface UnitState {
  readonly kind: UnitFacts['kind'];
  readonly path: string;
  readonly size: number;
  readonly usable: boolean;
  /** Names of the recorded volumes; more than one is a fault that we did not make. */
  readonly takenBy: readonly string[];
  readonly held: number;
}

export interface NodeState {
  readonly name: string;
  readonly present: boolean;
  readonly groups: readonly GroupState[];
  readonly units: readonly UnitState[];
}

/** One node in numbers, also groups that the node does not report and in which something is held or recorded. */
export function describeNode(node: NodeRoom): NodeState {
  const groups: GroupState[] = [];
  const units: UnitState[] = [];
  for (const slot of node.slots()) {
    if (slot.kind === 'LVM') groups.push(describeGroup(slot));
    else {
      units.push({
        kind: slot.kind,
        path: slot.name,
        size: slot.facts?.size ?? 0,
        usable: slot.facts?.usable ?? false,
        takenBy: [...slot.owners],
        held: slot.settled + slot.floating,
      });
    }
  }
  return { name: node.name, present: node.present, groups, units };
}

function describeGroup(slot: GroupSlot): GroupState {
  return {
    name: slot.name,
    total: slot.total,
    reserved: slot.facts?.reserved ?? 0,
    ...slot.usage(),
    settled: slot.settled,
    floating: slot.floating,
    free: slot.free,
  };
}
