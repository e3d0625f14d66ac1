import type { ClaimFacts, SourceFacts } from '../../model/facts.ts';
import { present } from '../../model/present.ts';
import { ClaimHolds } from './claim-holds.ts';
import { Claims, claimKey } from '../needs/claims.ts';
import { Classes, type OurClass } from '../needs/classes.ts';
import { Cluster } from '../stock/cluster.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import { planOn, type PodPlan } from '../placing/plan.ts';
import { takeTogether } from './take-together.ts';
import { chooseSlot, serves, type Strategy } from '../placing/search.ts';
import { takenFrom } from '../needs/find-source.ts';
import type { Known } from '../needs/known.ts';
import { Snapshots } from '../needs/snapshots.ts';
import { PodHold } from './pod-hold.ts';
import { PersistentVolumes } from './persistent-volumes.ts';
import { PodHolds } from './pod-holds.ts';
import { PvHolds } from './pv-holds.ts';
import { UnaskedClaims } from './unasked-claims.ts';
import { WrongClaims } from './wrong-claims.ts';
import { nodeOf, placeOf, Records, type Recorded } from './records.ts';
import type { Slot } from '../stock/slot.ts';
import { isSameRequest, requestOfClaim, type VolumeRequest } from '../needs/volume-request.ts';

interface BooksPolicy {
  readonly drivers: readonly string[];
  readonly strategy: Strategy;
  readonly firstRows?: number;
  readonly onBroken?: (what: string) => void;
}

/**
 * All that is held, expected and recorded, and the steps by which room passes from one state to the next (the drawing
 * in docs/ledger.md). Each is taken within one call, so the room is neither free in between nor counted twice.
 */
export class Books implements Known {
  readonly cluster: Cluster;
  readonly claims = new Claims();
  readonly classes: Classes;
  readonly records = new Records((node) => this.cluster.room(node));
  readonly podHolds = new PodHolds();
  readonly claimHolds = new ClaimHolds();
  readonly #wrongClaims = new WrongClaims();
  readonly unasked = new UnaskedClaims();
  readonly isUnasked = (claim: ClaimFacts): boolean => this.unasked.has(claim);
  readonly pvs = new PersistentVolumes();
  readonly pvHolds = new PvHolds(() => this.cluster.noteNews());
  readonly snapshots = new Snapshots();
  /** Says that a rule of the ledger does not hold, in a sentence. */
  readonly tellBroken: (what: string) => void;
  /** Slots where a node refused a volume. */
  readonly #refusing = new Set<Slot>();
  readonly #unmet = new Map<string, NodeRoom>();
  readonly #strategy: Strategy;

  constructor({ drivers, strategy, firstRows, onBroken = () => {} }: BooksPolicy) {
    this.tellBroken = onBroken;
    this.cluster = new Cluster(firstRows);
    this.classes = new Classes(drivers);
    this.#strategy = strategy;
  }

  findClaim(namespace: string, name: string): ClaimFacts | undefined {
    return this.claims.find(namespace, name);
  }

  findClass(name: string | undefined): OurClass | undefined {
    return this.classes.find(name);
  }

  findSnapshot(namespace: string, name: string): SourceFacts | undefined {
    return this.snapshots.find(namespace, name);
  }

  mayServe(namespace: string, name: string): boolean {
    return this.snapshots.mayServe(namespace, name);
  }

  nodeOfClaim(claim: ClaimFacts): string | undefined {
    const volume = this.#volumeOf(claim);
    if (volume) return nodeOf(volume);
    if (claim.volumeName !== undefined) return this.pvs.get(claim.volumeName)?.node;
    return claim.selectedNode;
  }

  /** The volume that the claim names, else the one that was made for it: it may be bound to another by hand. */
  #volumeOf({ uid, volumeName = '' }: ClaimFacts): Recorded | undefined {
    const pv = this.pvs.get(volumeName);
    if (!pv) return this.records.ofClaim(uid);
    return this.classes.isOurDriver(pv.driver) ? this.records.get(pv.handle) : undefined;
  }

  volumeOfClaim(claim: ClaimFacts): ReturnType<Known['volumeOfClaim']> {
    const volume = this.#volumeOf(claim);
    const place = volume && placeOf(volume);
    const group = place?.kind === 'LVM' ? { vgName: place.where, size: place.size } : undefined;
    const sealed = volume?.object && (volume.object.sealed ?? {});
    return present({ group, sealed, problem: this.classes.foreign(this.pvs.get(claim.volumeName ?? '')) });
  }

  isProvided(claim: ClaimFacts): boolean {
    return (
      this.records.ofClaim(claim.uid) !== undefined ||
      this.claimHolds.get(claim.uid) !== undefined ||
      this.claims.standInOf(claim) !== undefined
    );
  }

  wrongWith(claim: ClaimFacts): string | undefined {
    return this.#wrongClaims.wordsOf(claim);
  }

  /** Holds room for a pod. Its claims whose node is chosen already are held for the claim at once. */
  holdForPod(podUid: string, plan: PodPlan, expiresAt: number): void {
    this.podHolds.add(new PodHold(this.cluster, podUid, plan, expiresAt));
    for (const { claimUid } of plan.requests) if (claimUid !== undefined) this.reviewClaim(claimUid);
  }

  /**
   * The scheduler chose this node for the pod. If filter never offered the node, the volumes without a record are
   * planned there anew; without room there, nothing is held for them.
   */
  settlePod(podUid: string, name: string): void {
    this.pvHolds.settle(podUid, name);
    const hold = this.podHolds.get(podUid);
    if (!hold) return;
    const node = this.cluster.room(name);
    if (hold.covers(node)) {
      this.podHolds.settle(hold, node);
      return;
    }
    const served = this.pvHolds.servedOn(podUid, name);
    const requests = hold.pending().filter(({ key }) => !served.has(key));
    this.podHolds.end(podUid);
    const plan = requests.length > 0 ? this.planOn(node, requests) : undefined;
    if (plan) this.holdForPod(podUid, plan, hold.expiresAt);
  }

  /** Where these volumes would go on one node; undefined when they do not fit. */
  planOn(node: NodeRoom, requests: readonly VolumeRequest[]): PodPlan | undefined {
    return planOn(this.cluster, node, requests, this.#strategy);
  }

  /** Changes what is known of one volume; its claims then hold what they still need. */
  changeRecord(name: string, change: (volume: Recorded) => void): void {
    for (const claimUid of this.records.change(name, change)) this.reviewClaim(claimUid);
  }

  /**
   * The node could not make the volume where it was placed. Remembers it as a refusal of volumes as large or larger, or
   * of all volumes there when the trouble is with the `whole` group or unit (R16, a no is remembered).
   */
  noteRefused(name: string, whole: boolean, until: number): void {
    const volume = this.records.get(name);
    const place = volume && placeOf(volume);
    if (!volume?.slot || !place) return;
    volume.slot.refuse(name, whole ? 0 : volume.slot.amountFor(place.size), until);
    this.#refusing.add(volume.slot);
  }

  /** CreateVolume refused the claim for what it is: nothing is held for it (R21, what cannot be made holds nothing). */
  noteWrong(uid: string, words: string, until: number): void {
    const claim = this.claims.get(uid);
    if (!claim || this.records.ofClaim(uid)) return;
    this.unasked.forget(uid);
    this.#wrongClaims.note(claim, words, until);
    this.#endClaimHold(uid);
    this.leavePods(claimKey(claim.namespace, claim.name), uid, undefined);
  }

  /** CreateVolume was asked for the claim and found nothing wrong with it, or something changed. */
  forgetWrong(uid: string): void {
    if (!this.#forgetRefusal(uid)) return;
    this.cluster.noteNews();
    this.reviewClaim(uid);
  }

  expireRefusals(nowMs: number): void {
    for (const uid of this.#wrongClaims.late(nowMs)) this.forgetWrong(uid);
    for (const slot of this.#refusing) if (slot.expireRefusal(nowMs)) this.#refusing.delete(slot);
  }

  /** Makes what is held for a claim agree with what is known of it now. A second call changes nothing. */
  reviewClaim(uid: string): void {
    const claim = this.claims.get(uid);
    if (!claim) return;
    const volume = this.records.ofClaim(uid);
    if (volume || this.#isElsewhere(claim) || this.claims.standInOf(claim)) {
      this.#endClaimHold(uid);
      this.leavePods(claimKey(claim.namespace, claim.name), uid, volume && this.nodeOfClaim(claim));
      return;
    }
    this.#reviewChosenNode(claim);
  }

  /** The claim is gone: nothing is held for it any more. */
  forgetClaim(claim: ClaimFacts): void {
    const first = this.claims.stoodInFor(claim);
    const standIn = this.claims.standInOf(claim);
    this.claims.delete(claim.uid);
    this.#forgetRefusal(claim.uid);
    this.#endClaimHold(claim.uid);
    const key = claimKey(claim.namespace, claim.name);
    this.leavePods(key, claim.uid, undefined);
    this.pvHolds.leaveClaim(key);
    for (const uid of [first, standIn && this.claims.stoodInFor(standIn)]) if (uid !== undefined) this.reviewClaim(uid);
  }

  /**
   * A record, or the claim itself, counts this claim from now on, so its pods hold nothing for it. `node`: where they
   * must go.
   */
  leavePods(key: string, uid: string | undefined, node: string | undefined): void {
    for (const hold of this.podHolds.of(key)) {
      if (!hasClaim(hold, key, uid)) continue;
      this.podHolds.endVolume(key, hold);
      if (node !== undefined) this.settlePod(hold.podUid, node);
    }
  }

  /** A class came, went or changed: its claims may take more or less than before. */
  reviewClass(name: string): void {
    this.cluster.noteNews();
    for (const { uid, storageClass, selectedNode } of this.claims.all()) {
      if (storageClass === name) this.#forgetRefusal(uid);
      // A claim whose volume is recorded holds nothing, whatever its class.
      if (storageClass !== name || selectedNode === undefined || this.records.ofClaim(uid)) continue;
      this.reviewClaim(uid);
    }
  }

  /** Tries the unmet claims of this node again, always in the same order. */
  retryUnmet(node: NodeRoom): void {
    for (const uid of [...node.unmet].toSorted()) this.reviewClaim(uid);
  }

  /** Bound to a volume that is not ours. A bound claim whose PersistentVolume was not seen yet may still be ours. */
  #isElsewhere(claim: ClaimFacts): boolean {
    if (claim.volumeName === undefined) return false;
    return !claim.bound || this.pvs.has(claim.volumeName);
  }

  #reviewChosenNode(claim: ClaimFacts): void {
    const request = this.#requestOf(claim);
    const node = request && claim.selectedNode ? this.cluster.room(claim.selectedNode) : undefined;
    const held = this.claimHolds.get(claim.uid);
    if (held && held.node === node && isSameRequest(held.request, request)) return;

    this.#endClaimHold(claim.uid);
    if (!request || !node) return;
    const pods = this.podHolds.of(request.key).filter((hold) => hasClaim(hold, request.key, claim.uid));
    const planned = pods.map((hold) => hold.planned(request.key, node)?.slot).find((slot) => slot !== undefined);
    for (const hold of pods) this.podHolds.endVolume(request.key, hold);

    const slot = this.#slotFor(node, request, planned);
    if (slot) {
      this.claimHolds.take(claim.uid, { request, node, slot, amount: slot.amountFor(request.size) });
    } else if (!takeTogether(this.cluster, this.claimHolds, { node, request, strategy: this.#strategy })) {
      node.addUnmet(claim.uid);
      this.#unmet.set(claim.uid, node);
    }
    for (const hold of pods) this.settlePod(hold.podUid, node.name);
  }

  #slotFor(node: NodeRoom, request: VolumeRequest, planned: Slot | undefined): Slot | undefined {
    if (planned && serves(planned, request)) return planned;
    return chooseSlot(this.cluster, node, request, { strategy: this.#strategy, ignoreFloating: false });
  }

  /**
   * What the claim takes; undefined for a claim that is not ours, takes nothing (R10, roomless follows its source), or
   * cannot be made.
   */
  #requestOf(claim: ClaimFacts): VolumeRequest | undefined {
    if (this.wrongWith(claim) !== undefined || this.isUnasked(claim)) return undefined;
    const need = requestOfClaim(claim, this.findClass(claim.storageClass)?.policy);
    return need && takenFrom(claim, need, this);
  }

  /** True when there was one. */
  #forgetRefusal(uid: string): boolean {
    const wasUnasked = this.unasked.forget(uid);
    return this.#wrongClaims.forget(uid) || wasUnasked;
  }

  #endClaimHold(uid: string): void {
    this.claimHolds.end(uid);
    this.#unmet.get(uid)?.deleteUnmet(uid);
    this.#unmet.delete(uid);
  }
}

/**
 * Whether the hold has room for this claim. A plan made before the claim of an ephemeral volume came knows it by name
 * only.
 */
export function hasClaim(hold: PodHold, key: string, uid: string | undefined): boolean {
  return hold.pending().some((item) => item.key === key && (item.claimUid === undefined || item.claimUid === uid));
}
