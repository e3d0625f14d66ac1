import { present } from '../../src/model/present.ts';
import type { ClaimFacts, GroupFacts, PodFacts, VolumeFacts } from '../../src/model/facts.ts';
import type { VolumePolicy } from '../../src/model/storage-class.ts';
import type { Refusal } from '../../src/model/verdict.ts';
import { believePlace, endClaim, endPod, forgetReplanned, reviewClaim, reviewUids } from './hear.ts';
import {
  askOf,
  inExtents,
  inlineItems,
  toBytes,
  type HoldPromise,
  type Item,
  type Model,
  type Needs,
  type Use,
} from './model.ts';
import { HOLD_TTL_MS, type World } from './world.ts';
import { demand } from './violation.ts';

/**
 * Questions to the ledger: the model judges each answer and then takes it as given. Whether a promise was refused or
 * made without reason is judged here; whether all promises together can be kept, after every step in agree.ts.
 */

/** Words of refusals for want of room, as opposed to refusals of the pod itself. */
const SHORTAGES = new Set(['group-too-small', 'no-free-unit', 'no-such-group', 'held-by-others', 'refused-by-node']);

export function askFilter(world: World, pod: PodFacts): readonly string[] {
  const { ledger, model, random } = world;
  const names = random.shuffle([...world.nodes.keys(), ...(random.chance(10) ? ['ghost'] : [])]);
  if (names.length > 1 && random.chance(20)) names.pop();
  endPod(model, pod.uid);
  const needs = model.needs(pod);

  const { refusals, mayFreeUp } = guard(world, 'filter', () => ledger.filter(pod, names, world.now));
  demand(refusals.length === names.length, () => `filter: ${refusals.length} answers for ${names.length} nodes`);
  const answered = names.filter((_, i) => refusals[i] === undefined);
  const isJudged = !model.mayBeServed(pod);
  if (isJudged) judgeAnswer(world, needs, answered);
  if (isJudged) names.forEach((name, i) => judgeRefusal(world, needs, name, refusals[i], answered.length));
  if (mayFreeUp && isJudged) {
    demand(answered.length === 0, () => 'filter: nodes were found and yet more may free up');
    const waits = ledger.holds().floating > 0 || refusals.some((refusal) => refusal?.kind === 'claim-missing');
    demand(waits, () => 'filter: more may free up, but nothing floats');
  }
  believeHold(world, pod, needs.items, answered);
  world.answers.set(pod.uid, answered);
  return answered;
}

/**
 * Records that the pod may go to these nodes; claims whose node is already chosen go there at once. Of a pod that may
 * need less the ledger may hold so much.
 */
function believeHold(world: World, pod: PodFacts, items: readonly Item[], nodes: readonly string[]): void {
  const { model } = world;
  if (items.length === 0 || nodes.length === 0) return;
  if (model.mayBeServed(pod)) {
    for (const node of nodes) model.replanned.push({ pod: pod.uid, node, items });
    return;
  }
  const expiresAt = world.now + HOLD_TTL_MS;
  model.holds.set(pod.uid, { nodes: new Set(nodes), items: [...items], expiresAt, nominated: pod.nominatedNode });
  for (const { uid } of items) reviewUids(model, [uid]);
}

function judgeAnswer(world: World, needs: Needs, answered: readonly string[]): void {
  demand(!needs.blocked || answered.length === 0, () => `filter: ${answered.join()} for a pod that fits nowhere`);
  for (const name of answered) {
    const fresh = freshItems(world, needs.items, name);
    demand(
      world.model.fits(name, fresh),
      () => `filter: ${name} never had room for ${fresh.map(({ key }) => key).join()}`,
    );
    demand(needs.pins.size === 0 || needs.pins.has(name), () => `filter: ${name}, not ${[...needs.pins].join()}`);
  }
}

function judgeRefusal(world: World, needs: Needs, name: string, refusal: Refusal | undefined, answers: number): void {
  if (!refusal) return;
  demand(!/\b(n\d|ghost)\b/.test(refusal.message), () => `filter: the reason names a node: ${refusal.message}`);
  const mine = needs.pins.size === 0 || needs.pins.has(name);
  if (needs.blocked || needs.mayWait || !mine) return;
  const all = [...needs.items, ...needs.stores];
  demand(all.length > 0, () => `filter: ${name} refused for a pod that needs no room: ${refusal.message}`);
  if (!world.model.known.node.has(name)) return;
  if (!SHORTAGES.has(refusal.kind) || (refusal.kind === 'held-by-others' && answers > 0)) return;
  if (heldOn(world, name) > 0) return;
  demand(!world.model.fits(name, all), () => `filter: ${name} refused though it fits: ${refusal.message}`);
}

/** Drops the claims that were sent to this node before: they keep what they have, even if it is lost meanwhile. */
function freshItems(world: World, items: readonly Item[], node: string): Item[] {
  const claims = [...world.model.known.claim.values()];
  const sent = new Set(claims.filter(({ selectedNode }) => selectedNode === node).map(({ uid }) => uid));
  return items.filter(({ uid }) => uid === undefined || !sent.has(uid));
}

export function askPrioritize(world: World, pod: PodFacts): void {
  const names = world.random.shuffle(world.nodes.keys());
  const before = JSON.stringify(world.ledger.snapshot());
  const scores = world.ledger.prioritize(pod, names);
  demand(scores.length === names.length, () => 'prioritize: not one score per node');
  const sound = scores.every((score) => Number.isInteger(score) && score >= 0 && score <= 10);
  demand(sound, () => `prioritize: ${scores.join()} is not from 0 to 10`);
  demand(JSON.stringify(world.ledger.snapshot()) === before, () => 'prioritize changed the ledger');
}

export function askBind(world: World, pod: PodFacts, node: string): void {
  const { ledger, model } = world;
  const hold = model.holds.get(pod.uid);
  const known = [...model.known.pod.values()].find(({ uid }) => uid === pod.uid);
  const needs = known && model.needs(known);
  const refusal = guard(world, 'bind', () => ledger.bind(pod.uid, node, world.now));
  if (refusal) {
    const kept = hold !== undefined && isAllHeld(needs, hold, node) && !world.disturbed.has(node);
    demand(!kept, () => `bind: what was held is refused: ${refusal.message}`);
    // A pod that the ledger never heard of keeps what it has elsewhere.
    if (hold && (known || hold.nodes.has(node))) forgetHold(model, pod.uid, hold);
    return;
  }
  // Of a pod that was never heard of, all that is known is what was held, or what the ledger may have planned anew.
  const items = needs?.items ?? hold?.items;
  if (!items) return;
  endPod(model, pod.uid);
  believeHold(world, pod, items, [node]);
}

/** Has a ledger that was made anew take up what is on its way, and believes what it holds then. */
export function askResume(world: World): void {
  const { ledger, model } = world;
  guard(world, 'resume', () => ledger.resume(world.now));
  const held = new Set(ledger.held().pods);
  for (const pod of model.known.pod.values()) {
    if (!held.has(pod.uid)) continue;
    const node = chosenFor(model, pod);
    const { items, blocked } = model.needs(pod);
    const isBlocked = blocked && !model.mayBeServed(pod);
    const isOurs = inlineItems(pod).length > 0 && !isBlocked && pod.nodeName === undefined;
    demand(isOurs && node !== undefined, () => `resume: room is held for ${pod.name}, of which no node is known`);
    believeHold(world, pod, items, [node]);
  }
}

function chosenFor(model: Model, pod: PodFacts): string | undefined {
  const claims = pod.volumes.flatMap((volume) =>
    volume.kind === 'inline' ? [] : (model.known.claim.get(`default/${volume.claimName}`) ?? []),
  );
  return (
    claims.find(({ bound, selectedNode }) => !bound && selectedNode !== undefined)?.selectedNode ?? pod.nominatedNode
  );
}

/** Records that nothing is promised any more; the ledger may still hold the room. */
function forgetHold(model: Model, pod: string, { nodes, items }: HoldPromise): void {
  for (const node of nodes) model.replanned.push({ pod, node, items });
  model.holds.delete(pod);
}

function isAllHeld(needs: Needs | undefined, hold: HoldPromise, node: string): boolean {
  if (!hold.nodes.has(node) || needs?.blocked) return false;
  if (!needs) return true;
  const held = new Set(hold.items.map(({ key }) => key));
  return (needs.pins.size === 0 || needs.pins.has(node)) && needs.items.every(({ key }) => held.has(key));
}

interface PlaceQuestion {
  readonly claim: ClaimFacts;
  readonly nodes: readonly string[] | undefined;
}

/** Asks as CreateVolume does: the volume that was placed; undefined when it was refused. */
export function askPlace(world: World, { claim, nodes }: PlaceQuestion): VolumeFacts | undefined {
  const { ledger, model } = world;
  const policy = model.policyOf(claim.storageClass);
  if (!policy || policy === 'wrong') return undefined;
  const name = `pvc-${claim.uid}`;
  const earlier = model.uses().find((use) => use.name === name);
  const seen = model.known.claim.get(`default/${claim.name}`)?.uid === claim.uid;
  const ask = {
    name,
    claim: { namespace: 'default', name: claim.name },
    ...(seen ? {} : { claimUid: claim.uid }),
    size: claim.requested,
    policy,
    ...present({ nodes }),
  };
  if (claim.requested > 0) model.wrong.delete(claim.uid);
  const answer = guard(world, 'place', () => ledger.place(ask, world.now));
  if (!answer.ok) {
    demand(!earlier, () => `place: ${name} is there and was refused: ${answer.refusal.message}`);
    judgeNoPlace(world, { claim, nodes }, { key: name, policy, size: claim.requested }, answer.refusal);
    return undefined;
  }
  const { node, kind, size, ...rest } = answer.placement;
  const volume = { name, node, kind, where: 'vgName' in rest ? rest.vgName : rest.path, size, claimUid: claim.uid };
  if (earlier) {
    const there = earlier.node === node && earlier.where === volume.where;
    demand(there, () => `place: ${name} was placed again, on ${node} ${volume.where}`);
  } else {
    judgePlace({ claim, nodes }, policy, volume);
    const isRefused = kind === 'LVM' && model.refuses(node, volume.where, size);
    demand(!isRefused, () => `place: ${volume.where} on ${node} has refused ${size} bytes`);
  }
  believePlace(model, claim, volume, world.now + EXPECTED_TTL_MS);
  return volume;
}

/** Time for which an expected volume is kept, ms. */
export const EXPECTED_TTL_MS = 15 * 60_000;
const LATE_NEWS_MS = 60_000;

function judgePlace(
  { claim, nodes }: PlaceQuestion,
  policy: VolumePolicy,
  { node, kind, where, size }: VolumeFacts,
): void {
  demand(nodes?.includes(node) ?? true, () => `place: ${node} was not among ${nodes?.join()}`);
  const asked = kind === policy.kind && (policy.vgName === undefined || policy.vgName === where);
  demand(asked, () => `place: ${where} is not what was asked`);
  demand(size >= claim.requested, () => `place: ${size} bytes for ${claim.requested}`);
}

function judgeNoPlace(world: World, { claim, nodes }: PlaceQuestion, item: Item, refusal: Refusal): void {
  const { model } = world;
  const all = nodes ?? [...model.known.node.keys()];
  for (const node of all) {
    const promised = all.length === 1 && model.chosen.get(claim.uid) === node && !world.disturbed.has(node);
    demand(!promised, () => `place: the room promised to ${claim.name} on ${node} is refused: ${refusal.message}`);
    const idle = model.known.node.has(node) && heldOn(world, node) === 0;
    demand(!idle || !model.fits(node, [item]), () => `place: refused though ${node} has room: ${refusal.message}`);
  }
}

/** Asks for a new size: the size granted; undefined when refused. */
export function askGrow(world: World, volume: VolumeFacts, size: number): number | undefined {
  const { ledger, model } = world;
  const use = model.uses().find(({ name }) => name === volume.name);
  const group = model.group(volume.node, volume.where);
  const room = model.room(volume.node, volume.where) + (group?.forGrowth ?? 0);
  const counted = (bytes: number): number => countedAs(volume, bytes, group);
  const more = (to: number): number => counted(to) - counted(use?.size ?? 0);
  const answer = guard(world, 'grow', () => ledger.grow(volume.name, toBytes(size)));
  if (answer.ok) {
    demand(answer.size >= size, () => `grow: ${answer.size} for ${size}`);
    const isNew = volume.kind === 'LVM' && use !== undefined && more(answer.size) > 0;
    demand(!isNew || more(answer.size) <= room, () => `grow: granted ${more(answer.size)} of ${room} bytes`);
    if (volume.kind === 'LVM') model.grown.set(volume.name, answer.size);
    return answer.size;
  }
  const idle = heldOn(world, volume.node) === 0 && use !== undefined && group !== undefined;
  demand(!idle || room < more(size), () => `grow: refused though ${room} bytes are free: ${answer.refusal.message}`);
  return undefined;
}

/** What LVM shows of the volume is there already, also where it is more than what is recorded. */
function countedAs({ name }: VolumeFacts, bytes: number, group: GroupFacts | undefined): number {
  const shown = group?.volumes.find((volume) => volume.name === name)?.size ?? 0;
  return Math.max(shown, inExtents(bytes, group));
}

export function askExpire(world: World): void {
  const { ledger, model } = world;
  const { pods, claims } = ledger.expire(world.now);
  const ended = new Set(pods);
  for (const uid of claims) hearUnasked(model, uid);
  for (const [name, promise] of model.placed) {
    promise.expiresAt ??= world.now + LATE_NEWS_MS;
    if (promise.expiresAt > world.now) continue;
    model.placed.delete(name);
    reviewUids(model, [promise.claimUid]);
  }
  for (const [pod, hold] of model.holds) {
    const late = hold.expiresAt <= world.now;
    demand(!late || ended.has(pod), () => `expire: the room of ${pod} is kept beyond its time`);
    demand(late || !ended.has(pod), () => `expire: the room of ${pod} ended before its time`);
    if (late) model.holds.delete(pod);
  }
  for (const pod of ended) forgetReplanned(model, pod);
  for (const [uid, { until }] of model.wrong) {
    if (until > world.now) continue;
    model.wrong.delete(uid);
    reviewUids(model, [uid]);
  }
  model.reviewRefusals(world.now);
}

/** Nobody asked for the volume of the claim for too long: nothing is held for it any more. */
function hearUnasked(model: Model, uid: string): void {
  const claim = [...model.known.claim.values()].find((known) => known.uid === uid);
  demand(claim?.selectedNode !== undefined, () => `expire: ${uid} lost its room, and has no node that was chosen`);
  if (!claim) return;
  demand(!model.recordedOn(uid), () => `expire: ${claim.name} lost its room, and its volume is there`);
  model.wrong.set(uid, { ask: askOf(claim), node: claim.selectedNode, until: Infinity });
  endClaim(model, claim);
}

/** How long a node's refusal is remembered, ms. */
const REFUSAL_TTL_MS = 10 * 60_000;
/** How long CreateVolume's is, ms. */
const WRONG_TTL_MS = 15 * 60_000;

/** The node of the volume could not make it. */
export function tellRefused(world: World, use: Use, whole: boolean): void {
  world.ledger.refused(use.name, whole, world.now);
  world.model.refuse(use, whole, world.now + REFUSAL_TTL_MS);
}

/** CreateVolume refused the claim for what it is. */
export function tellWrong(world: World, { uid }: ClaimFacts): void {
  const { ledger, model } = world;
  ledger.claimRefused(uid, 'no', world.now);
  const claim = [...model.known.claim.values()].find((known) => known.uid === uid);
  if (!claim || model.recordedOn(uid)) return;
  model.wrong.set(uid, { ask: askOf(claim), until: world.now + WRONG_TTL_MS });
  endClaim(model, claim);
}

/** Records that the object was not created: the claim is back to what its own object says. */
export function tellUnplace(world: World, volume: VolumeFacts): void {
  const { ledger, model } = world;
  ledger.unplace(volume.name);
  model.placed.delete(volume.name);
  model.reviewRefusals();
  const claim = [...model.known.claim.values()].find(({ uid }) => uid === volume.claimUid);
  if (!claim) return;
  // The room that it gave up is held for the claim again, on the node that was chosen for it.
  const open = claim.volumeName === undefined && model.itemOf(claim) !== undefined;
  if (open && claim.selectedNode === volume.node) model.chosen.set(claim.uid, volume.node);
  reviewClaim(model, claim);
}

/**
 * Sums what the ledger holds on a node for pods and claims, bytes and units together: only zero or not matters.
 */
export function heldOn(world: World, name: string): number {
  const state = world.ledger.node(name);
  let held = 0;
  for (const { settled, floating } of state?.groups ?? []) held += settled + floating;
  for (const unit of state?.units ?? []) held += unit.held;
  return held;
}

/** Asks, and checks that no decision took room where there was none, whatever happened to the node before. */
export function guard<T>(world: World, by: string, ask: () => T): T {
  const before = new Map(promisedByPlace(world).map(({ place, promised }) => [place, promised]));
  const answer = ask();
  for (const { place, promised, free, forGrowth = 0 } of promisedByPlace(world)) {
    const more = promised - (before.get(place) ?? 0);
    const room = by === 'grow' ? free + forGrowth : free;
    demand(more <= 0 || room >= 0, () => `${by}: ${more} more promised in ${place}, which now lacks ${-room}`);
  }
  return answer;
}

interface Promised {
  readonly place: string;
  readonly promised: number;
  readonly free: number;
  /** What volumes that are there may take besides. */
  readonly forGrowth?: number | undefined;
}

function promisedByPlace(world: World): Promised[] {
  return world.ledger.snapshot().flatMap(({ name, groups, units }) => [
    ...groups.map((group) => {
      const promised = group.taken + group.settled + group.floating;
      const { forGrowth } = world.model.group(name, group.name) ?? {};
      return { place: `${group.name} on ${name}`, promised, free: group.free, forGrowth };
    }),
    ...units.map(({ kind, path, usable, takenBy, held }) => {
      const promised = takenBy.length + held;
      return { place: `${kind} ${path} on ${name}`, promised, free: (usable || takenBy.length > 0 ? 1 : 0) - promised };
    }),
  ]);
}
