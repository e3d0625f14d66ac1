import type { Bytes } from '../../model/bytes.ts';
import { bytes } from '../../model/bytes.ts';
import type { Placement } from '../../model/facts.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import type { Refusal } from '../../model/verdict.ts';
import { Explainer } from '../placing/explain.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import { chooseSlot, serves, type Strategy } from '../placing/search.ts';
import { hasClaim, type Books } from './books.ts';
import { UNKNOWN_NODE } from '../needs/refusal.ts';
import type { Slot } from '../stock/slot.ts';
import type { UnitSlot } from '../stock/unit-slot.ts';
import { claimKey } from '../needs/claims.ts';
import { requestOf, type VolumeRequest } from '../needs/volume-request.ts';
import { worthOf } from '../placing/node-score.ts';

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
}

export type PlaceAnswer =
  | { readonly ok: true; readonly placement: Placement }
  | { readonly ok: false; readonly refusal: Refusal };

/** A place that was found, before it is taken. */
export type FoundPlace = { readonly slot: Slot; readonly size: Bytes } | { readonly refusal: Refusal };

/**
 * Looks for the place of a volume: where room is kept for its claim, else on the first node in order that has room. What the claim's own
 * pods hold for it, and a logical volume of its name that exists already, count as free for it. Takes nothing.
 */
export function findPlace(books: Books, ask: PlaceRequest, request: VolumeRequest, strategy: Strategy): FoundPlace {
  const own = ownRoom(books, request);
  const { cluster } = books;
  const explain = new Explainer(cluster, [request], strategy);
  let refusal: Refusal | undefined;

  for (const node of candidates(books, ask, request, own, strategy)) {
    const credits = new Map([...own, ...existing(node, ask.name)]);
    for (const [slot, amount] of credits) slot.planned -= amount;
    try {
      const kept = [...credits.keys()].find((slot) => slot.node === node && serves(slot, request));
      const slot = kept ?? chooseSlot(cluster, node, request, { strategy, ignoreFloating: false });
      if (slot) return { slot, size: takenSize(slot, ask.size) };
      refusal ??= explain.why(node.number, request);
    } finally {
      for (const [slot, amount] of credits) slot.planned += amount;
    }
  }
  return { refusal: refusal ?? UNKNOWN_NODE };
}

/** Where a volume goes, in the words of the others. */
export function placementOf(slot: Slot, size: Bytes): Placement {
  const node = slot.node.name;
  if (slot.kind === 'LVM') return { kind: 'LVM', node, vgName: slot.name, size };
  return { kind: slot.kind, node, path: slot.name, size };
}

/** What the volume takes in bytes: whole extents, or a unit whole. */
function takenSize(slot: Slot, size: Bytes): Bytes {
  return slot.kind === 'LVM' ? bytes(slot.amountFor(size)) : ((slot as UnitSlot).facts?.size ?? size);
}

/** The claim may not have been seen yet; its pods hold room for it by name all the same. */
export function requestOfVolume(books: Books, { name, claimUid, claim, size, policy }: PlaceRequest): VolumeRequest {
  const known =
    claimUid === undefined ? claim && books.findClaim(claim.namespace, claim.name) : books.claims.get(claimUid);
  const named = known ?? claim;
  const uid = known?.uid ?? claimUid;
  const key = named ? claimKey(named.namespace, named.name) : name;
  return requestOf({ key, size, ...(uid === undefined ? {} : { claimUid: uid }) }, policy);
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
  { nodes }: PlaceRequest,
  request: VolumeRequest,
  own: ReadonlyMap<Slot, number>,
  strategy: Strategy,
): NodeRoom[] {
  const allowed = nodes
    ? nodes.flatMap((name) => books.cluster.find(name) ?? [])
    : byWorth([...books.cluster.present()], request, books, strategy);
  const kept = new Set([...own.keys()].map((slot) => slot.node.name));
  return [...allowed.filter(({ name }) => kept.has(name)), ...allowed.filter(({ name }) => !kept.has(name))];
}

/** Those with room first, best first; the others after them, for their reasons. */
function byWorth(nodes: readonly NodeRoom[], request: VolumeRequest, books: Books, strategy: Strategy): NodeRoom[] {
  const rated = nodes.map((node) => {
    const plan = books.planOn(node, [request]);
    const rules = { strategy, taken: false };
    return { node, worth: plan ? worthOf(books.cluster, plan, 0, rules) : -1 };
  });
  return rated.toSorted((a, b) => b.worth - a.worth).map(({ node }) => node);
}
