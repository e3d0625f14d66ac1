import { present } from '../../model/present.ts';
import type { Bytes } from '../../model/bytes.ts';
import { bytes } from '../../model/bytes.ts';
import type { Placement } from '../../model/facts.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import type { Refusal } from '../../model/verdict.ts';
import { claimKey } from '../needs/claims.ts';
import { BROKEN, emptyClaim, UNKNOWN_NODE } from '../needs/refusal.ts';
import { requestOf, type VolumeRequest } from '../needs/volume-request.ts';
import { Explainer } from '../placing/explain.ts';
import { nodeScore } from '../placing/node-score.ts';
import { chooseSlot, serves, type Strategy } from '../placing/search.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Slot } from '../stock/slot.ts';
import type { UnitSlot } from '../stock/unit-slot.ts';
import { hasClaim, type Books } from './books.ts';
import { brokenSlot } from './invariants.ts';
import { placeOf, type Recorded } from './records.ts';

/** A volume that CSI asks for. */
export interface PlaceRequest {
  /** CSI volume id: the same name is the same volume. */
  readonly name: string;
  /** The claim it is for, by uid, or by name when the uid was not passed on; absent for a snapshot. */
  readonly claimUid?: string;
  readonly claim?: { readonly namespace: string; readonly name: string };
  readonly size: Bytes;
  readonly policy: VolumePolicy;
  /** Where it may go, best first; absent: anywhere. */
  readonly nodes?: readonly string[];
  /** Where it goes only if there is no room elsewhere, of those that may be anywhere. */
  readonly last?: ReadonlySet<string>;
}

export type PlaceAnswer =
  | { readonly ok: true; readonly placement: Placement }
  | { readonly ok: false; readonly refusal: Refusal };

/** A place that was found, before it is taken. */
type FoundPlace = { readonly slot: Slot; readonly size: Bytes } | { readonly refusal: Refusal };

/**
 * How long the room of an inline volume is held when its pod ends before its LocalVolume was seen. Short, since a pod
 * that its kubelet refuses again and again leaves one each time; news that is later still finds the agent as last
 * judge.
 */
const LATE_NEWS_MS = 60_000;

/**
 * Finds room for a volume and takes it, or says why there is none. The same name again gives the same place, and takes
 * nothing.
 */
export function placeVolume(books: Books, ask: PlaceRequest, strategy: Strategy, expiresAt: number): PlaceAnswer {
  const earlier = books.records.get(ask.name);
  const isThere = earlier?.slot && (earlier.object || earlier.expected || earlier.pv);
  if (!isThere && ask.size === 0) return { ok: false, refusal: emptyClaim(ask.name) };

  const request = requestOfVolume(books, ask);
  if (request.claimUid !== undefined) books.forgetWrong(request.claimUid);
  const found = isThere ? earlierPlace(earlier) : findPlace(books, ask, request, strategy);
  if ('refusal' in found) return { ok: false, refusal: found.refusal };
  const { slot, size } = found;
  const { key, claimUid } = request;
  const node = slot.node.name;
  books.changeRecord(ask.name, (volume) => {
    const place = { node, kind: slot.kind, where: slot.name, size, ...present({ claimUid }) };
    // An object that is there already may go before the one comes that the caller is about to make.
    const over = volume.object?.uid ?? volume.expected?.over;
    volume.expected = { ...place, expiresAt, ...present({ over }) };
  });
  // Pods whose claim we have not seen hold room for it by its name.
  books.leavePods(key, claimUid, node);
  const broken = isThere ? undefined : brokenSlot(slot);
  if (broken !== undefined) {
    unplaceVolume(books, ask.name);
    books.tellBroken(broken);
    return { ok: false, refusal: BROKEN };
  }
  return { ok: true, placement: placementOf(slot, size) };
}

/** The object was not created: nothing is expected any more. An object that exists stays counted. */
export function unplaceVolume(books: Books, name: string): void {
  if (books.records.get(name)?.expected) books.changeRecord(name, (volume) => (volume.expected = undefined));
}

/** Expects no more the objects that did not come in time. */
export function expireVolumes(books: Books, nowMs: number): void {
  for (const { name, expected } of books.records.all()) {
    if (!expected) continue;
    if (expected.expiresAt === undefined) expected.expiresAt = nowMs + LATE_NEWS_MS;
    if (expected.expiresAt <= nowMs) unplaceVolume(books, name);
  }
}

function earlierPlace(volume: Recorded): FoundPlace {
  const place = placeOf(volume);
  if (!place || !volume.slot) throw new Error(`volume ${volume.name} has a slot and no place`);
  return { slot: volume.slot, size: place.size };
}

/**
 * Looks for the place of a volume: where room is held for its claim, else on the first node in order that has room.
 * What the claim's own pods hold for it, and a logical volume of its name that exists already, count as free for it.
 * Takes nothing.
 */
function findPlace(books: Books, ask: PlaceRequest, request: VolumeRequest, strategy: Strategy): FoundPlace {
  const own = ownRoom(books, request);
  const { cluster } = books;
  const explain = new Explainer(cluster, [request], strategy);
  let refusal: Refusal | undefined;

  for (const node of candidates(books, ask, request, own, strategy)) {
    const credits = new Map([...own, ...existing(node, ask.name)]);
    for (const [slot, amount] of credits) slot.planned -= amount;
    try {
      const credited = [...credits.keys()].find((slot) => slot.node === node && serves(slot, request));
      const slot = credited ?? chooseSlot(cluster, node, request, { strategy, ignoreFloating: false });
      if (slot) return { slot, size: takenSize(slot, ask.size) };
      refusal ??= explain.why(node.number, request);
    } finally {
      for (const [slot, amount] of credits) slot.planned += amount;
    }
  }
  return { refusal: refusal ?? UNKNOWN_NODE };
}

/** The place as CSI and the LocalVolume name it. */
function placementOf(slot: Slot, size: Bytes): Placement {
  const node = slot.node.name;
  if (slot.kind === 'LVM') return { kind: 'LVM', node, vgName: slot.name, size };
  return { kind: slot.kind, node, path: slot.name, size };
}

/** What the volume takes in bytes: whole extents, or a unit whole. */
function takenSize(slot: Slot, size: Bytes): Bytes {
  return slot.kind === 'LVM' ? bytes(slot.amountFor(size)) : ((slot as UnitSlot).facts?.size ?? size);
}

/** The claim may not have been seen yet; its pods hold room for it by name all the same. */
function requestOfVolume(books: Books, { name, claimUid, claim, size, policy }: PlaceRequest): VolumeRequest {
  const known =
    claimUid === undefined ? claim && books.findClaim(claim.namespace, claim.name) : books.claims.get(claimUid);
  const named = known ?? claim;
  const uid = known?.uid ?? claimUid;
  const key = named ? claimKey(named.namespace, named.name) : name;
  return requestOf({ key, size, ...present({ claimUid: uid }) }, policy);
}

/** Room that is held for this very claim: it is there for the taking. */
function ownRoom(books: Books, { key, claimUid }: VolumeRequest): Map<Slot, number> {
  const own = new Map<Slot, number>();
  const held = claimUid === undefined ? undefined : books.claimHolds.get(claimUid);
  if (held) own.set(held.slot, held.amount);
  for (const hold of books.podHolds.of(key)) {
    if (!hasClaim(hold, key, claimUid)) continue;
    for (const { slot, amount } of hold.plannedEverywhere(key)) own.set(slot, Math.max(own.get(slot) ?? 0, amount));
  }
  return own;
}

/** A logical volume of this name that the node has seen takes its room already. */
function existing(node: NodeRoom, name: string): [Slot, number][] {
  return [...node.groups, ...node.units].flatMap((slot) => {
    const amount = slot.takenBy(name);
    return amount > 0 ? [[slot, amount] as [Slot, number]] : [];
  });
}

function candidates(
  books: Books,
  { nodes, last }: PlaceRequest,
  request: VolumeRequest,
  own: ReadonlyMap<Slot, number>,
  strategy: Strategy,
): NodeRoom[] {
  const allowed = nodes
    ? nodes.flatMap((name) => books.cluster.find(name) ?? [])
    : endingIn(last, byScore([...books.cluster.present()], request, books, strategy));
  const holding = new Set([...own.keys()].map((slot) => slot.node.name));
  return [...allowed.filter(({ name }) => holding.has(name)), ...allowed.filter(({ name }) => !holding.has(name))];
}

const endingIn = (last: ReadonlySet<string> | undefined, nodes: readonly NodeRoom[]): readonly NodeRoom[] =>
  last === undefined
    ? nodes
    : [...nodes.filter(({ name }) => !last.has(name)), ...nodes.filter(({ name }) => last.has(name))];

/** Those with room first, best first; the others after them, for their reasons. */
function byScore(nodes: readonly NodeRoom[], request: VolumeRequest, books: Books, strategy: Strategy): NodeRoom[] {
  const scored = nodes.map((node) => {
    const plan = books.planOn(node, [request]);
    return { node, score: plan ? nodeScore(books.cluster, plan, 0, { strategy, taken: false }) : -1 };
  });
  return scored.toSorted((a, b) => b.score - a.score).map(({ node }) => node);
}
