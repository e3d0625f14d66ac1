import type { VolumeKind } from '../../model/storage-class.ts';
import { NO_BYTES } from '../../model/bytes.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';
import type { GroupSlot } from '../stock/group-slot.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { UnitSlot } from '../stock/unit-slot.ts';
import { suits } from './search.ts';

/** How far a node is from having room for some volumes. All numbers are bytes. */
export interface Shortfall {
  readonly node: string;
  readonly kind: VolumeKind;
  /** The group or unit that lacks most: a group's name, or a path. */
  readonly where: string;
  /** What the volumes take that would go there, in whole extents. */
  readonly needed: number;
  /** What is free there, negative when more is recorded than there is; of a unit its size. */
  readonly free: number;
  /** What is missing on the node in all; zero when there is room by the numbers. */
  readonly lacks: number;
  /** The largest group of the node that one of these volumes may go to, full or not; of a unit its size. */
  readonly whole: number;
}

interface Part {
  needed: number;
  readonly free: number;
}

/**
 * How far the node is from having room for these volumes, which are in the order of `byNeed`. Each goes where most is
 * left for it, as if there were enough. Undefined for a node that has no such group, or no free unit. Takes no room.
 */
export function shortfallOn(node: NodeRoom, requests: readonly VolumeRequest[]): Shortfall | undefined {
  const parts = new Map<GroupSlot | UnitSlot, Part>();
  let whole = 0;
  for (const request of requests) {
    const slot = request.kind === 'LVM' ? roomiest(node, request, parts) : nearestUnit(node, request, parts);
    if (!slot) return undefined;
    const isGroup = slot.kind === 'LVM';
    const part = parts.get(slot) ?? { needed: 0, free: isGroup ? slot.free : sizeOf(slot) };
    part.needed += isGroup ? slot.amountFor(request.size) : request.size;
    parts.set(slot, part);
    whole = Math.max(whole, isGroup ? largestGroup(node, request) : sizeOf(slot));
  }
  const lacking = [...parts].map(([slot, part]) => ({ slot, ...part, lacks: Math.max(0, part.needed - part.free) }));
  const [worst] = lacking.toSorted((a, b) => b.lacks - a.lacks);
  if (!worst) return undefined;
  const { slot, needed, free } = worst;
  const lacks = lacking.reduce((sum, part) => sum + part.lacks, 0);
  return { node: node.name, kind: slot.kind, where: slot.name, needed, free, lacks, whole };
}

type Parts = ReadonlyMap<GroupSlot | UnitSlot, Part>;

const mayGoTo = ({ vgName }: VolumeRequest, { name }: GroupSlot): boolean => vgName === undefined || name === vgName;

function roomiest(node: NodeRoom, request: VolumeRequest, parts: Parts): GroupSlot | undefined {
  const left = (slot: GroupSlot): number => slot.free - (parts.get(slot)?.needed ?? 0);
  let best: GroupSlot | undefined;
  for (const slot of node.groups)
    if (mayGoTo(request, slot) && (best === undefined || left(slot) > left(best))) best = slot;
  return best;
}

/** The smallest free unit that would do, else the largest of those that are free: a node has them smallest first. */
function nearestUnit(node: NodeRoom, request: VolumeRequest, parts: Parts): UnitSlot | undefined {
  const free = node.units.filter(
    (unit) => suits(unit, { ...request, size: NO_BYTES }) && unit.free > 0 && !unit.refuses(1) && !parts.has(unit),
  );
  return free.find((unit) => suits(unit, request)) ?? free.at(-1);
}

const largestGroup = (node: NodeRoom, request: VolumeRequest): number =>
  Math.max(0, ...node.groups.filter((slot) => mayGoTo(request, slot)).map(({ total }) => total));

const sizeOf = ({ facts }: UnitSlot): number => facts?.size ?? 0;
