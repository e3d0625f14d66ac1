import { bytes, NO_BYTES, roundDown, type Bytes } from '../model/bytes.ts';
import type { UnitFacts } from '../model/facts.ts';
import type { VolumePolicy } from '../model/storage-class.ts';
import type { GroupSlot } from './stock/group-slot.ts';
import type { NodeRoom } from './stock/node-stock.ts';
import { suits } from './placing/search.ts';
import type { Books } from './books/books.ts';
import { requestOf } from './needs/volume-request.ts';

/** A volume group in numbers, all in bytes. free = total − reserved − taken − unattributed − settled − floating, negative when over-committed. */
export interface GroupState {
  readonly name: string;
  readonly total: number;
  readonly reserved: number;
  readonly observed: number;
  readonly recorded: number;
  /** By volumes, each counted once. */
  readonly taken: number;
  /** By what no volume shows: mirrors, thin pools, moves. */
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

/** One node in numbers, also groups that only promises speak of. */
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

/** What volumes of a policy can have on a node, or on any, in bytes. */
export interface Capacity {
  /** The largest volume that fits. */
  readonly largest: Bytes;
  /** All volumes together. */
  readonly available: Bytes;
  /** The largest volume that would fit if there were no other. */
  readonly whole: Bytes;
}

/**
 * What the recorded and observed volumes leave. Room that is held counts as free: whoever asks may be the pod it is held for.
 */
export function capacityOf(books: Books, node: string | undefined, policy: VolumePolicy): Capacity {
  const nodes = node === undefined ? books.cluster.present() : [books.cluster.find(node)];
  const sum = { largest: 0, available: 0, whole: 0 };
  for (const room of nodes) {
    for (const { size, left } of room ? placesOn(room, policy) : []) {
      sum.largest = Math.max(sum.largest, left);
      sum.available += left;
      sum.whole = Math.max(sum.whole, size);
    }
  }
  // Of a very large cluster together it is more than a number can hold.
  const available = bytes(Math.min(sum.available, Number.MAX_SAFE_INTEGER));
  return { largest: bytes(sum.largest), available, whole: bytes(sum.whole) };
}

/** The groups or units that volumes of the policy can have: how large each is, and what of it is left. */
function placesOn(node: NodeRoom, policy: VolumePolicy): { readonly size: number; readonly left: number }[] {
  if (policy.kind !== 'LVM') {
    const request = requestOf({ key: '', size: NO_BYTES }, policy);
    return node.units.flatMap((unit) => {
      const { size = 0, usable = false } = unit.facts ?? {};
      return suits(unit, request) ? [{ size, left: usable && unit.owners.size === 0 ? size : 0 }] : [];
    });
  }
  return node.groups.flatMap(({ name, total, settled, floating, free, facts }) => {
    if (facts === undefined || (policy.vgName !== undefined && name !== policy.vgName)) return [];
    const inExtents = (size: number): number => roundDown(bytes(Math.max(0, size)), facts.extentSize);
    return [{ size: inExtents(total - facts.reserved), left: inExtents(free + settled + floating) }];
  });
}
