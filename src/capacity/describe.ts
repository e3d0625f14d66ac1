import { bytes, NO_BYTES, roundDown, type Bytes } from '../model/bytes.ts';
import type { UnitFacts } from '../model/facts.ts';
import type { VolumePolicy } from '../model/storage-class.ts';
import type { GroupSlot } from './group-slot.ts';
import type { NodeRoom } from './node-room.ts';
import { suits } from './place-pod.ts';
import type { Promises } from './promises.ts';
import { requestOf } from './volume-request.ts';

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

/** The largest volume of this policy that would fit now, in bytes, on the node or on any. */
export function largestFit(promises: Promises, node: string | undefined, policy: VolumePolicy): Bytes {
  const nodes = node === undefined ? [...promises.cluster.present()] : [promises.cluster.find(node)];
  let largest: number = NO_BYTES;
  for (const room of nodes) largest = Math.max(largest, room ? largestOn(room, policy) : 0);
  return bytes(largest);
}

function largestOn(node: NodeRoom, policy: VolumePolicy): number {
  const request = requestOf({ key: '', size: NO_BYTES }, policy);
  if (policy.kind !== 'LVM') {
    const sizes = node.units
      .filter((unit) => unit.free > 0 && suits(unit, request))
      .map(({ facts }) => facts?.size ?? 0);
    return Math.max(0, ...sizes);
  }
  const groups = node.groups.filter(({ name }) => policy.vgName === undefined || name === policy.vgName);
  return Math.max(
    0,
    ...groups.map(({ free, facts }) => roundDown(bytes(Math.max(0, free)), facts?.extentSize ?? NO_BYTES)),
  );
}
