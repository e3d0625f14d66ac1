import { present } from '../../src/model/present.ts';
import type { ClaimFacts, PodFacts, VolumeFacts } from '../../src/model/facts.ts';
import { claimKeyOf, inlineItems, type HoldPromise, type Item, type Model } from './model.ts';
import type { Kind, Objects } from './objects.ts';

/** How the promises of the model change with what is heard: the rules of docs/ledger.md in the plainest form. */

type Hearing = {
  readonly [K in Kind]: (model: Model, before: Objects[K] | undefined, now: Objects[K] | undefined) => void;
};

const HEARING: Hearing = {
  node: (model, _, now) => {
    const seen = new Set(now?.groups.flatMap(({ volumes }) => volumes.map(({ name }) => name)));
    if (now) follow(model, (item) => seen.has(item.key), now.name);
  },
  snapshot: (model, before, now) => {
    for (const claim of model.known.claim.values()) {
      if (claim.source?.name === (now ?? before)?.name && claim.source?.kind === 'VolumeSnapshot')
        reviewClaim(model, claim);
    }
  },
  class: (model, before, now) => {
    for (const claim of model.known.claim.values()) {
      if (claim.storageClass !== (now ?? before)?.name) continue;
      model.wrong.delete(claim.uid);
      reviewClaim(model, claim);
    }
  },
  claim: (model, before, now) => {
    if (before && before.uid !== now?.uid) {
      model.wrong.delete(before.uid);
      endClaim(model, before);
      reviewUids(model, [before.standsInFor]);
    }
    if (!now) return;
    if (model.wrong.get(now.uid)?.node !== undefined && !model.isWrong(now)) model.wrong.delete(now.uid);
    hearStandIn(model, now);
    const adopt = (item: Item): Item =>
      item.key === claimKeyOf(now.name) && item.uid === undefined ? { ...item, uid: now.uid } : item;
    for (const hold of model.holds.values()) hold.items = hold.items.map(adopt);
    reviewClaim(model, now);
  },
  pod: (model, before, now) => {
    const ended = before && (before.uid !== now?.uid || now.finished) && !before.finished;
    if (ended) leaveInline(model, before.uid === now?.uid ? now : before);
    if (before && before.uid !== now?.uid) endPod(model, before.uid);
    if (now) hearPod(model, now);
  },
  volume: (model, before, now) => {
    hearVolume(model, before?.name ?? now?.name ?? '', now);
    reviewUids(model, [before?.claimUid, now?.claimUid]);
  },
  pv: (model, before, now) => reviewUids(model, [before?.claimUid, now?.claimUid]),
};

/** Takes in one object; undefined when it is gone. `model.known` has it already, `before` is its earlier state. */
export function hear<K extends Kind>(
  model: Model,
  kind: K,
  before: Objects[K] | undefined,
  now: Objects[K] | undefined,
): void {
  HEARING[kind](model, before, now);
  model.noteMade();
  model.reviewRefusals();
}

/** What was promised to the first claim is promised to the one that stands in for it on the same node. */
function hearStandIn(model: Model, { uid, standsInFor, selectedNode }: ClaimFacts): void {
  const node = model.chosen.get(standsInFor ?? '');
  reviewUids(model, [standsInFor]);
  if (node !== undefined && node === selectedNode && !model.chosen.has(standsInFor ?? '')) model.chosen.set(uid, node);
}

function hearPod(model: Model, pod: PodFacts): void {
  if (pod.finished) return endPod(model, pod.uid);
  const hold = model.holds.get(pod.uid);
  if (pod.nodeName !== undefined) {
    const inline = new Set(inlineItems(pod).map(({ key }) => key));
    endItems(model, (item) => inline.has(item.key));
    settle(model, pod.uid, pod.nodeName);
  } else if (pod.nominatedNode !== undefined && isNewsFor(hold, pod.nominatedNode)) {
    hold.nodes = new Set([pod.nominatedNode]);
  }
}

/** A scheduler that was offered nodes anew may bind to another one than it had nominated before. */
const isNewsFor = (hold: HoldPromise | undefined, node: string): hold is HoldPromise =>
  hold !== undefined && hold.nominated !== node && hold.nodes.has(node);

/** Expects inline volumes of a deleted pod: the node may have made them, and its report may still be under way. */
function leaveInline(model: Model, pod: PodFacts): void {
  const node = pod.nodeName;
  if (node === undefined) return;
  for (const { key, policy, size } of inlineItems(pod)) {
    if (model.made.has(key) || model.known.volume.has(key) || model.placed.has(key)) continue;
    model.placed.set(key, { node, kind: 'LVM', where: policy.vgName ?? '', size });
  }
}

function hearVolume(model: Model, name: string, now: Objects['volume'] | undefined): void {
  const promise = model.placed.get(name);
  if (now && promise && (promise.over === undefined || promise.over !== now.uid)) model.placed.delete(name);
  if (!now || (model.grown.get(name) ?? 0) <= now.size) model.grown.delete(name);
  if (now) follow(model, (item) => item.key === name, now.node);
}

export function reviewUids(model: Model, uids: readonly (string | undefined)[]): void {
  for (const claim of model.known.claim.values()) if (uids.includes(claim.uid)) reviewClaim(model, claim);
}

/** Finds what promises a claim's room: its record, else the node that was chosen for it, else the holds of its pods. */
export function reviewClaim(model: Model, claim: ClaimFacts): void {
  const recorded = model.recordedOn(claim.uid);
  if (recorded || isBoundElsewhere(model, claim) || model.hasStandIn(claim)) {
    model.chosen.delete(claim.uid);
    const pods = endItems(model, (item) => isOf(item, claim));
    const node = recorded && model.homeOf(claim)?.node;
    if (node !== undefined) for (const pod of pods) settle(model, pod, node);
    return;
  }
  if (!model.itemOf(claim) || claim.selectedNode === undefined) {
    model.chosen.delete(claim.uid);
    return;
  }
  const node = claim.selectedNode;
  if (model.chosen.get(claim.uid) !== node) {
    model.chosen.delete(claim.uid);
    if (isOffered(model, claim, node)) model.chosen.set(claim.uid, node);
  }
  follow(model, (item) => isOf(item, claim), node);
}

/** Tells whether the claim is bound to a volume of another driver, or to one that will never be. */
function isBoundElsewhere(model: Model, { bound, volumeName }: ClaimFacts): boolean {
  return volumeName !== undefined && (!bound || model.known.pv.has(volumeName));
}

/** Which of Velero's claims has the room is not judged. */
function isOffered(model: Model, claim: ClaimFacts, node: string): boolean {
  if (claim.restore === 'into') return false;
  return [...model.holds.values()].some((hold) => hold.nodes.has(node) && hold.items.some((item) => isOf(item, claim)));
}

/**
 * Records that the pod goes to this node. If the node was never offered nothing is promised there; the ledger may still
 * hold room.
 */
function settle(model: Model, pod: string, node: string): void {
  const hold = model.holds.get(pod);
  if (!hold) {
    const entry = model.replanned.findLast((known) => known.pod === pod);
    if (entry) model.replanned.push({ ...entry, node });
    return;
  }
  if (hold.nodes.has(node)) {
    hold.nodes = new Set([node]);
    return;
  }
  model.holds.delete(pod);
  model.replanned.push({ pod, node, items: hold.items });
}

export function endPod(model: Model, pod: string): void {
  model.holds.delete(pod);
  forgetReplanned(model, pod);
}

export function forgetReplanned(model: Model, pod: string): void {
  for (let i = model.replanned.length - 1; i >= 0; i -= 1)
    if (model.replanned[i]?.pod === pod) model.replanned.splice(i, 1);
}

export function endClaim(model: Model, claim: ClaimFacts): void {
  model.chosen.delete(claim.uid);
  endItems(model, (item) => isOf(item, claim));
}

function isOf(item: Item, claim: ClaimFacts): boolean {
  return item.key === claimKeyOf(claim.name) && (item.uid === undefined || item.uid === claim.uid);
}

/** Records that these volumes are on this node: their pods must go there. */
function follow(model: Model, ended: (item: Item) => boolean, node: string): void {
  for (const pod of endItems(model, ended)) settle(model, pod, node);
}

/** Ends these items in every hold, and returns the pods that still have others. */
function endItems(model: Model, ended: (item: Item) => boolean): Set<string> {
  const pods = new Set<string>();
  for (const [pod, hold] of model.holds) {
    if (!hold.items.some(ended)) continue;
    hold.items = hold.items.filter((item) => !ended(item));
    if (hold.items.length === 0) model.holds.delete(pod);
    else pods.add(pod);
  }
  for (const { pod, items } of model.replanned) if (items.some(ended)) pods.add(pod);
  return pods;
}

/** Records that the ledger placed a volume: it counts from now on, and the pods of its claim must follow it. */
export function believePlace(model: Model, claim: ClaimFacts, volume: VolumeFacts, expiresAt: number): void {
  const over = model.known.volume.get(volume.name)?.uid ?? model.placed.get(volume.name)?.over;
  model.placed.set(volume.name, { ...volume, expiresAt, ...present({ over }) });
  reviewUids(model, [claim.uid]);
  model.reviewRefusals();
  follow(model, (item) => isOf(item, claim), volume.node);
}
