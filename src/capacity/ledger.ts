import { bytes, type Bytes } from '../model/bytes.ts';
import type { ClassTopologies } from '../model/class-topologies.ts';
import type {
  ClaimFacts,
  ClassFacts,
  NodeStorage,
  PodFacts,
  PvFacts,
  SourceFacts,
  VolumeFacts,
} from '../model/facts.ts';
import type { VolumePolicy } from '../model/storage-class.ts';
import type { AskedNodes, FilterVerdict, Refusal } from '../model/verdict.ts';
import { createAudit, type Audit } from './audit.ts';
import type { OurClass } from './needs/classes.ts';
import { claimChanged, claimGone, classChanged, classGone } from './books/claim-events.ts';
import { sourceChanged, sourceGone, sourcesListed } from './books/source-events.ts';
import { getCapacity, type Capacity } from './get-capacity.ts';
import { describeNode, type NodeState } from './state.ts';
import { choosyClasses, podLacks, type PodLacks } from './books/pod-lacks.ts';
import { bindPod, filterPod, type DecidingRules } from './books/hold-for-pod.ts';
import { DEFAULT_FLOAT } from './placing/narrow.ts';
import { CLAIM_TTL_MS, EXPECTED_TTL_MS, REFUSAL_TTL_MS, WRONG_TTL_MS, type LedgerPolicy } from './policy.ts';
import { placeVolume, unplaceVolume, type PlaceAnswer, type PlaceRequest } from './books/create-volume.ts';
import { expire, type Expired } from './books/expire.ts';
import { growVolume, shrinkVolume, type GrowAnswer } from './books/grow-volume.ts';
import { concernsUs, needsOfPod } from './needs/pod-needs.ts';
import { Pods } from './books/pods.ts';
import { Books } from './books/books.ts';
import { pvChanged, pvGone, volumeChanged, volumeGone } from './books/volume-events.ts';
import { resume } from './books/resume-pods.ts';
import { scoreNodes } from './placing/score-nodes.ts';

export type { LedgerPolicy } from './policy.ts';

/**
 * What is free, recorded and held in the whole cluster, and the only judge of whether something fits; docs/ledger.md
 * has its formula, states and rules. No IO, no timer, no clock: events come in, decisions go out, `nowMs` is an
 * argument. Every call is one synchronous step, so two callers never get the same room. Events may come twice and in
 * any order between kinds of objects; within one object the last one counts.
 */
export class Ledger {
  readonly #policy: LedgerPolicy;
  readonly #books: Books;
  readonly #pods: Pods;
  readonly #listeners = new Set<() => void>();
  #freedCount = 0;

  constructor(policy: LedgerPolicy) {
    this.#policy = policy;
    this.#books = new Books(policy);
    this.#pods = new Pods(this.#books);
  }

  // --- Events: what the API server says.

  /** A node's report. An inline volume that it shows is observed from now on, and tells where its pod is. */
  nodeChanged(storage: NodeStorage): void {
    this.#step(() => {
      this.#books.cluster.report(storage);
      for (const group of storage.groups) {
        for (const { name } of group.volumes) this.#books.leavePods(name, undefined, storage.name);
      }
    });
  }

  nodeGone(name: string): void {
    this.#step(() => this.#books.cluster.remove(name));
  }

  volumeChanged(volume: VolumeFacts): void {
    this.#step(() => volumeChanged(this.#books, volume));
  }

  volumeGone(name: string): void {
    this.#step(() => volumeGone(this.#books, name));
  }

  /** A PersistentVolume of any driver: a claim bound to another driver's volume needs no room of ours. */
  pvChanged(pv: PvFacts): void {
    this.#step(() => pvChanged(this.#books, pv));
  }

  pvGone(name: string): void {
    this.#step(() => pvGone(this.#books, name));
  }

  claimChanged(claim: ClaimFacts): void {
    this.#step(() => claimChanged(this.#books, claim));
  }

  claimGone(uid: string): void {
    this.#step(() => claimGone(this.#books, uid));
  }

  classChanged(storageClass: ClassFacts): void {
    this.#step(() => classChanged(this.#books, storageClass));
  }

  classGone(name: string): void {
    this.#step(() => classGone(this.#books, name));
  }

  /** A snapshot that claims may be made from: ready to be read, or good for nothing, or it waits for something. */
  sourceChanged(source: SourceFacts): void {
    this.#step(() => sourceChanged(this.#books, source));
  }

  sourceGone(namespace: string, name: string): void {
    this.#step(() => sourceGone(this.#books, namespace, name));
  }

  /** All snapshots that there are have been told: others are gone. */
  sourcesListed(): void {
    this.#step(() => sourcesListed(this.#books));
  }

  podChanged(pod: PodFacts): void {
    this.#step(() => this.#pods.changed(pod));
  }

  podGone(uid: string): void {
    this.#step(() => this.#pods.gone(uid));
  }

  // --- Decisions.

  /**
   * False when no volume of the pod can be ours: every node is right for it, and neither filter nor prioritize need
   * be asked.
   */
  concerns(pod: PodFacts): boolean {
    return concernsUs(pod, this.#books);
  }

  /**
   * Which of the named nodes have room for all volumes of the pod. Holds the room on the nodes of the answer, in
   * place of what was held for the pod before.
   */
  filter(pod: PodFacts, nodes: AskedNodes | readonly string[], nowMs: number): FilterVerdict {
    return this.#step(() => filterPod(this.#books, pod, asked(nodes), this.#rules(nowMs)));
  }

  /** A score from 0 to 10 for each named node, on the state after placing the pod there. */
  prioritize(pod: PodFacts, nodes: AskedNodes | readonly string[]): Uint8Array {
    const needs = needsOfPod(pod, this.#books);
    if ('refusal' in needs) return new Uint8Array(asked(nodes).names.length);
    const plan = this.#books.podHolds.get(pod.uid)?.plan;
    const rules = { strategy: this.#policy.strategy, antiAffinity: this.#policy.antiAffinity ?? {} };
    return scoreNodes(this.#books.cluster, { requests: needs.requests, plan }, asked(nodes), rules);
  }

  /** The scheduler binds the pod to this node. Settles its room there, or says why the pod must not go there. */
  bind(podUid: string, nodeName: string, nowMs: number): Refusal | undefined {
    const ask = { podUid, node: nodeName, pod: this.#pods.get(podUid) };
    return this.#step(() => bindPod(this.#books, ask, this.#rules(nowMs)));
  }

  /**
   * All has been heard for the first time, and nothing was asked yet: takes up what an earlier ledger promised to pods
   * that are being bound.
   */
  resume(nowMs: number): void {
    this.#step(() => resume(this.#books, this.#pods.unbound(), this.#rules(nowMs)));
  }

  /** The last judge of CreateVolume: takes the room and expects an object of this name, or says why there is none. */
  place(ask: PlaceRequest, nowMs: number): PlaceAnswer {
    return this.#step(() => placeVolume(this.#books, ask, this.#policy.strategy, nowMs + EXPECTED_TTL_MS));
  }

  /** The object that `place` expects was not created. */
  unplace(name: string): void {
    this.#step(() => unplaceVolume(this.#books, name));
  }

  /**
   * The node could not make the volume that `place` put there, which is about to be given up. Until something changes
   * in that group or unit, nothing as large fits there, or nothing at all when the trouble is with the `whole` of it.
   */
  refused(name: string, whole: boolean, nowMs: number): void {
    this.#step(() => this.#books.noteRefused(name, whole, nowMs + REFUSAL_TTL_MS));
  }

  /**
   * CreateVolume refused the claim in these words for what it is, and will again: nothing is held for it, and its pods
   * are refused, until it or its class changes, CreateVolume finds nothing wrong with it, or some minutes have passed.
   */
  claimRefused(uid: string, words: string, nowMs: number): void {
    this.#step(() => this.#books.noteWrong(uid, words, nowMs + WRONG_TTL_MS));
  }

  /** The last judge of an expansion to `size` bytes: takes the difference, and an update of the object follows. */
  grow(name: string, size: Bytes): GrowAnswer {
    return this.#step(() => growVolume(this.#books, name, size));
  }

  /** What `size` bytes take in the volume group of this volume; undefined for one that is in no group we know. */
  inExtents(name: string, size: Bytes): Bytes | undefined {
    const slot = this.#books.records.get(name)?.slot;
    return slot?.kind === 'LVM' ? bytes(slot.amountFor(size)) : undefined;
  }

  /** The object could not be updated: it still has `size` bytes. */
  shrinkTo(name: string, size: Bytes): void {
    this.#step(() => shrinkVolume(this.#books, name, size));
  }

  /** What volumes of this policy can have, on one node or on all. What is held for pods counts as free. */
  capacity(policy: VolumePolicy, node?: string): Capacity {
    return getCapacity(this.#books, node, policy);
  }

  /** The StorageClasses that are ours. */
  classes(): Iterable<OurClass> {
    return this.#books.classes.all();
  }

  /** The classes of the pod's volumes that have to be made, where they have them made on some nodes only. */
  readonly classesOf = (pod: PodFacts): readonly ClassTopologies[] => choosyClasses(this.#books, pod);

  /** What the pod asks for, and why it does not fit on the named nodes, each named once. Holds nothing. */
  lacks(pod: PodFacts, nodes: readonly string[]): PodLacks {
    return podLacks(this.#books, pod, nodes, this.#policy.strategy);
  }

  /** Ends what nothing was heard of for too long. */
  expire(nowMs: number): Expired {
    return this.#step(() => expire(this.#books, nowMs, CLAIM_TTL_MS));
  }

  /** The node's number, negative for none; valid until `epoch` grows. For who asks about the same nodes again. */
  numberOf(nodeName: string): number {
    return this.#books.cluster.numberOf(nodeName);
  }

  get epoch(): number {
    return this.#books.cluster.epoch;
  }

  // --- What it looks like.

  /** Calls `listener` after each step that freed room or brought what a refused pod waits for. Returns how to stop. */
  onFreed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Grows with each such step. */
  get freedCount(): number {
    return this.#freedCount;
  }

  /** Every node in numbers, also those that are gone while something is held or recorded there. */
  snapshot(): NodeState[] {
    return [...this.#books.cluster.all()].map(describeNode);
  }

  node(name: string): NodeState | undefined {
    const room = this.#books.cluster.find(name);
    return room && describeNode(room);
  }

  /** How many pods and claims have room held, by state. */
  holds(): { readonly floating: number; readonly settled: number; readonly claims: number } {
    const states = [...this.#books.podHolds.all()].map(({ state }) => state);
    const floating = states.filter((state) => state === 'floating').length;
    return { floating, settled: states.length - floating, claims: [...this.#books.claimHolds.all()].length };
  }

  /** Uids of the pods and of the claims for which room is held. */
  held(): { readonly pods: readonly string[]; readonly claims: readonly string[] } {
    return { pods: this.#books.podHolds.uids(), claims: this.#books.claimHolds.uids() };
  }

  /** For whoever compares it with what was heard. */
  readonly audit = (): Audit => createAudit(this.#books, this.#pods, (change) => this.#step(change));

  /** Runs one change, then tries the unmet claims of nodes with freed room, then tells the listeners. */
  #step<T>(change: () => T): T {
    const result = change();
    let { any, awaited } = this.#books.cluster.takeFreed();
    for (; awaited.length > 0; { awaited } = this.#books.cluster.takeFreed()) {
      for (const node of awaited) this.#books.retryUnmet(node);
    }
    if (any) {
      this.#freedCount += 1;
      for (const listener of this.#listeners) listener();
    }
    return result;
  }

  #rules(nowMs: number): DecidingRules {
    const { strategy, float = DEFAULT_FLOAT, holdTtlMs } = this.#policy;
    return { strategy, float, expiresAt: nowMs + holdTtlMs };
  }
}

const asked = (nodes: AskedNodes | readonly string[]): AskedNodes => ('names' in nodes ? nodes : { names: nodes });
