import type { GroupSlot } from './group-slot.ts';
import type { NodeRoom } from './node-room.ts';
import type { Slot } from './slot.ts';
import type { UnitSlot } from './unit-slot.ts';
import type { VolumeRequest } from './volume-request.ts';

/** binpack fills the fullest group that has room; spread takes the one with the most room. */
export type Strategy = 'binpack' | 'spread';

export interface PlacingRules {
  readonly strategy: Strategy;
  /** Leaves floating holds out of account: would it fit if the pods that hold them went elsewhere? */
  readonly ignoreFloating: boolean;
}

/** How many wrong turns one call may take looking for a better packing; beyond it a full node is called full. */
export interface Patience {
  turns: number;
}

/**
 * Places all volumes of a pod on one node, planned together on one working copy: what one takes, the next does not find (R7).
 * Appends a slot per request to `found` and returns undefined; or leaves `found` as it was and returns the request that did not fit.
 * Takes no room. `requests` are in the order of `byNeed`.
 */
export function placePod(
  node: NodeRoom,
  requests: readonly VolumeRequest[],
  found: Slot[],
  rules: PlacingRules & { readonly patience: Patience },
): VolumeRequest | undefined {
  const first = requests[0];
  if (first && requests.length === 1) return placeOne(node, first, found, rules);
  const start = found.length;
  let failed: VolumeRequest | undefined;
  for (const request of requests) {
    const slot = chooseSlot(node, request, rules);
    if (!slot) {
      failed = request;
      break;
    }
    slot.planned += slot.amountFor(request.size);
    found.push(slot);
  }
  forgetPlan(requests, found, start);
  if (!failed) return undefined;

  found.length = start;
  if (mayPackBetter(node, requests) && pack(node, requests, found, rules)) failed = undefined;
  forgetPlan(requests, found, start);
  return failed;
}

/** Most pods have one volume, and most calls are about thousands of nodes. */
function placeOne(
  node: NodeRoom,
  request: VolumeRequest,
  found: Slot[],
  rules: PlacingRules,
): VolumeRequest | undefined {
  const slot = chooseSlot(node, request, rules);
  if (!slot) return request;
  found.push(slot);
  return undefined;
}

/** The slot for one volume; undefined when none has room. Ties go to the first, so that equal calls give equal answers. */
export function chooseSlot(node: NodeRoom, request: VolumeRequest, rules: PlacingRules): Slot | undefined {
  if (request.kind !== 'LVM') return node.units.find((unit) => suits(unit, request) && roomIn(unit, rules) >= 1);

  let best: GroupSlot | undefined;
  let bestRoom = 0;
  for (const group of node.groups) {
    if (request.vgName !== undefined && group.name !== request.vgName) continue;
    const room = roomIn(group, rules);
    if (room < group.amountFor(request.size)) continue;
    if (best && (rules.strategy === 'binpack' ? room >= bestRoom : room <= bestRoom)) continue;
    best = group;
    bestRoom = room;
  }
  return best;
}

/** Whether this very slot could take the volume now. */
export function serves(slot: Slot, request: VolumeRequest): boolean {
  if (slot.kind !== request.kind || slot.free - slot.planned < slot.amountFor(request.size)) return false;
  if (slot.kind === 'LVM') return request.vgName === undefined || request.vgName === slot.name;
  return suits(slot as UnitSlot, request);
}

/** Whether the node has such a place at all, full or not. */
export function hasPlaceFor(node: NodeRoom, request: VolumeRequest): boolean {
  if (request.kind !== 'LVM') return node.units.some((unit) => suits(unit, request));
  return node.groups.some((group) => request.vgName === undefined || group.name === request.vgName);
}

/** The right kind and medium, and large enough. Units come smallest first, so the first that suits wastes least. */
export function suits(unit: UnitSlot, { kind, mediaType, size }: VolumeRequest): boolean {
  if (unit.kind !== kind || unit.facts === undefined || unit.facts.size < size) return false;
  return mediaType === undefined || unit.facts.mediaType === mediaType;
}

function roomIn(slot: Slot, { ignoreFloating }: PlacingRules): number {
  return slot.free - slot.planned + (ignoreFloating ? slot.floating : 0);
}

function forgetPlan(requests: readonly VolumeRequest[], found: readonly Slot[], start: number): void {
  for (let at = start; at < found.length; at += 1) {
    const slot = found[at];
    const request = requests[at - start];
    if (slot && request) slot.planned -= slot.amountFor(request.size);
  }
}

/** Taking the best group for one volume after the other can miss a way to fit them all, when there is a choice for two or more. */
function mayPackBetter(node: NodeRoom, requests: readonly VolumeRequest[]): boolean {
  const free = requests.filter(({ kind, vgName }) => kind === 'LVM' && vgName === undefined);
  return free.length > 1 && node.groups.length > 1;
}

/** Depth first, fullest group first. Leaves its plan in place when it finds one. */
function pack(
  node: NodeRoom,
  requests: readonly VolumeRequest[],
  found: Slot[],
  rules: PlacingRules & { readonly patience: Patience },
  next = 0,
): boolean {
  const request = requests[next];
  if (!request) return true;
  for (const slot of slotsFor(node, request, rules)) {
    if (rules.patience.turns <= 0) return false;
    rules.patience.turns -= 1;
    const amount = slot.amountFor(request.size);
    slot.planned += amount;
    found.push(slot);
    if (pack(node, requests, found, rules, next + 1)) return true;
    found.pop();
    slot.planned -= amount;
  }
  return false;
}

function slotsFor(node: NodeRoom, request: VolumeRequest, rules: PlacingRules): Slot[] {
  if (request.kind !== 'LVM') return [chooseSlot(node, request, rules)].filter((slot) => slot !== undefined);
  return node.groups
    .filter((group) => request.vgName === undefined || group.name === request.vgName)
    .filter((group) => roomIn(group, rules) >= group.amountFor(request.size))
    .toSorted((a, b) => roomIn(a, rules) - roomIn(b, rules));
}
