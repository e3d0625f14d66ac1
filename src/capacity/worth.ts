import type { Strategy } from './place-pod.ts';
import type { PodPlan } from './pod-hold.ts';
import type { GroupSlot } from './group-slot.ts';
import type { NodeRoom } from './node-room.ts';
import type { Slot } from './slot.ts';

/**
 * How good the plan's node `i` is for the pod, from 0 to 1, on the state after placing: binpack wants what is used to be full, spread
 * wants it to stay empty. The mean over the volumes. `taken`: the room of the plan is held already.
 */
export function worthOf(plan: PodPlan, i: number, strategy: Strategy, taken: boolean): number {
  const count = plan.requests.length;
  if (count === 0) return 0;
  let sum = 0;
  for (let j = 0; j < count; j += 1) {
    const at = i * count + j;
    const slot = plan.slots[at];
    if (!slot) continue;
    const room = slot.free - (taken ? 0 : ownShare(plan, i, slot));
    sum += isGroup(slot) ? groupWorth(slot, room, strategy) : unitWorth(slot, plan.nodes[i], strategy, taken);
  }
  return sum / count;
}

/** What the pod's own volumes take of the slot on the plan's node `i`. */
export function ownShare({ requests, slots, amounts }: PodPlan, i: number, slot: Slot): number {
  let share = 0;
  for (let at = i * requests.length; at < (i + 1) * requests.length; at += 1) {
    if (slots[at] === slot) share += amounts[at] ?? 0;
  }
  return share;
}

function groupWorth(group: GroupSlot, room: number, strategy: Strategy): number {
  if (group.total === 0) return 0;
  const empty = Math.min(1, Math.max(0, room / group.total));
  return strategy === 'spread' ? empty : 1 - empty;
}

/** The share of the node's units of this kind that stay free, or are in use. */
function unitWorth(slot: Slot, node: NodeRoom | undefined, strategy: Strategy, taken: boolean): number {
  const alike = node?.units.filter(({ kind }) => kind === slot.kind) ?? [];
  if (alike.length === 0) return 0;
  const free = alike.filter((unit) => unit.free > 0).length - (taken ? 0 : 1);
  return strategy === 'spread' ? free / alike.length : 1 - free / alike.length;
}

const isGroup = (slot: Slot): slot is GroupSlot => slot.kind === 'LVM';
