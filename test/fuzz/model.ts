import { bytes, MIB, type Bytes } from '../../src/model/bytes.ts';
import type { ClaimFacts, ClassFacts, GroupFacts, PodFacts, PodVolume, UnitFacts } from '../../src/model/facts.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import { storeOfClone } from '../../src/model/snapshot-store.ts';
import { parseQuantity } from '../../src/model/quantity.ts';
import { parseStorageClass, type VolumePolicy } from '../../src/model/storage-class.ts';
import { DRIVER, emptyStore, NAMESPACE, type Store } from './objects.ts';

/**
 * The model: what was heard, what was promised, and everything else computed anew from these two for each question. It
 * has no index, no running sum and no cache: slow, and simple enough to be believed.
 */

/** One volume that needs a place. */
export interface Item {
  readonly key: string;
  readonly uid?: string;
  readonly policy: Pick<VolumePolicy, 'kind' | 'vgName' | 'mediaType'>;
  readonly size: number;
}

/** "This pod may go to any of these nodes, with these volumes." */
export interface HoldPromise {
  nodes: Set<string>;
  items: Item[];
  expiresAt: number;
  /** The nomination that filter was asked with. */
  readonly nominated?: string | undefined;
}

/** "There will be a volume of this name here." */
export interface ExpectedVolume {
  readonly node: string;
  readonly kind: VolumePolicy['kind'];
  readonly where: string;
  readonly size: number;
  readonly claimUid?: string;
  /** Uid of the object of this name that was known at the time. */
  readonly over?: string;
  /** End of the promise; absent until the next look at the clock. */
  expiresAt?: number;
}

/** What one volume takes somewhere. */
export interface Use {
  readonly node: string;
  readonly kind: VolumePolicy['kind'];
  readonly where: string;
  readonly name: string;
  readonly size: number;
}

/** "A volume so large, or larger, could not be made in this group." */
export interface NodeRefusal {
  readonly node: string;
  readonly group: string;
  readonly amount: number;
  readonly volumes: readonly string[];
  readonly until: number;
  /** The report of the group when it was refused. */
  readonly report: string | undefined;
  /** The volumes that were recorded there at the last look. */
  recorded: readonly string[];
}

export interface Needs {
  /** Reason why the pod fits no node at all. */
  readonly blocked: boolean;
  /**
   * Its node is chosen, and what it is to be made from is not known: refused until that is told, unless its room is
   * held already.
   */
  readonly mayWait: boolean;
  readonly pins: ReadonlySet<string>;
  readonly items: readonly Item[];
  /** Stores of the snapshots that clones are copied from: they must have room too, and none is held for them. */
  readonly stores: readonly Item[];
}

interface VolumeNeeds {
  readonly store?: Item | undefined;
  readonly blocked?: boolean;
  readonly mayWait?: boolean;
  readonly pin?: string | undefined;
  readonly item?: Item | undefined;
}

/** All of a claim that CreateVolume judges. */
export const askOf = ({ storageClass, requested, use, source, attributesClass }: ClaimFacts): string =>
  JSON.stringify({ storageClass, requested, use, source, attributesClass });

export const claimKeyOf = (name: string): string => `${NAMESPACE}/${name}`;

export class Model {
  known: Store = emptyStore();
  readonly holds = new Map<string, HoldPromise>();
  /** Claims whose node was chosen out of a promise. */
  readonly chosen = new Map<string, string>();
  readonly placed = new Map<string, ExpectedVolume>();
  readonly grown = new Map<string, number>();
  /** Inline volumes of bound pods whose objects were seen. */
  readonly made = new Set<string>();
  /** What nodes refused, by node and group, and what was known of the group then. */
  readonly refused = new Map<string, NodeRefusal>();
  /**
   * Claims that CreateVolume refused for what they are, or was never called for on their node, by uid, with what they
   * asked for.
   */
  readonly wrong = new Map<
    string,
    { readonly ask: string; readonly until: number; readonly node?: string | undefined }
  >();
  /**
   * Volumes for which the ledger may have found another place by itself, because a pod went to a node that was not
   * offered.
   */
  readonly replanned: { readonly pod: string; readonly node: string; readonly items: readonly Item[] }[] = [];

  // --- What is taken

  policyOf(className: string | undefined): VolumePolicy | 'wrong' | undefined {
    const facts = className === undefined ? undefined : this.known.class.get(className);
    return facts?.provisioner === DRIVER ? readPolicy(facts) : undefined;
  }

  /** Lists all uses by volumes, for each name by its strongest source: object, promise, PersistentVolume, pod. */
  uses(): Use[] {
    const byName = new Map<string, Use>();
    for (const use of [...this.#inlineUses(), ...this.#pvUses()]) byName.set(use.name, use);
    for (const [name, promise] of this.placed) byName.set(name, { name, ...promise });
    for (const volume of this.known.volume.values()) {
      const size = Math.max(volume.size, this.placed.get(volume.name)?.size ?? 0);
      byName.set(volume.name, { ...volume, size });
    }
    for (const [name, size] of this.grown) {
      const use = byName.get(name);
      if (use) byName.set(name, { ...use, size: Math.max(use.size, size) });
    }
    return [...byName.values()];
  }

  /** Remembers which inline volumes of bound pods exist. */
  noteMade(): void {
    for (const { name } of this.#inlineUses()) if (this.known.volume.has(name)) this.made.add(name);
  }

  #inlineUses(): Use[] {
    return [...this.known.pod.values()].flatMap((pod) => {
      const { nodeName: node, finished } = pod;
      if (node === undefined || finished) return [];
      return inlineItems(pod).map(({ key, policy, size }) => ({
        node,
        kind: 'LVM',
        where: policy.vgName ?? '',
        name: key,
        size,
      }));
    });
  }

  #pvUses(): Use[] {
    return [...this.known.pv.values()].flatMap(({ driver, handle: name, node, takes }) =>
      driver === DRIVER && node !== undefined && takes ? [{ node, name, ...takes }] : [],
    );
  }

  group(node: string, name: string): GroupFacts | undefined {
    return this.known.node.get(node)?.groups.find((group) => group.name === name);
  }

  /** Σ over names of max(observed, recorded), in bytes. */
  taken(node: string, name: string, uses: readonly Use[] = this.uses()): number {
    const group = this.group(node, name);
    const sizes = new Map<string, number>();
    for (const volume of group?.volumes ?? []) sizes.set(volume.name, volume.size);
    for (const use of uses) {
      if (use.node !== node || use.kind !== 'LVM' || use.where !== name) continue;
      sizes.set(use.name, Math.max(sizes.get(use.name) ?? 0, inExtents(use.size, group)));
    }
    return sum(sizes.values());
  }

  unattributed(node: string, name: string): number {
    const group = this.group(node, name);
    if (!group) return 0;
    return Math.max(0, group.total - group.available - sum(group.volumes.map(({ size }) => size)));
  }

  room(node: string, name: string, uses: readonly Use[] = this.uses()): number {
    const group = this.group(node, name);
    const taken = this.taken(node, name, uses);
    return (group?.total ?? 0) - (group?.reserved ?? 0) - taken - this.unattributed(node, name);
  }

  ownersOf(node: string, unit: Pick<UnitFacts, 'kind' | 'path'>, uses: readonly Use[] = this.uses()): string[] {
    return uses
      .filter((use) => use.node === node && use.kind === unit.kind && use.where === unit.path)
      .map(({ name }) => name);
  }

  // --- What nodes refused

  refuse(use: Use, whole: boolean, until: number): void {
    const { node, where: group, name } = use;
    const key = `${node} ${group}`;
    const before = this.refused.get(key);
    const amount = whole ? 0 : inExtents(use.size, this.group(node, group));
    this.refused.set(key, {
      ...{
        node,
        group,
        until,
        report: JSON.stringify(this.group(node, group)),
        recorded: this.#recordedIn(node, group),
      },
      amount: Math.min(amount, before?.amount ?? Infinity),
      volumes: [...(before?.volumes ?? []), name],
    });
  }

  refuses(node: string, group: string, amount: number): boolean {
    return amount >= (this.refused.get(`${node} ${group}`)?.amount ?? Infinity);
  }

  /** Forgets the refusals of groups where something changed: the report, a volume that went, or the time. */
  reviewRefusals(now = -Infinity): void {
    for (const [key, refusal] of this.refused) {
      const { node, group, volumes, until, report } = refusal;
      const recorded = this.#recordedIn(node, group);
      const gone = refusal.recorded.some((name) => !recorded.includes(name) && !volumes.includes(name));
      refusal.recorded = recorded;
      if (gone || until <= now || report !== JSON.stringify(this.group(node, group))) this.refused.delete(key);
    }
  }

  #recordedIn(node: string, group: string): string[] {
    return this.uses()
      .filter((use) => use.node === node && use.kind === 'LVM' && use.where === group)
      .map(({ name }) => name);
  }

  // --- What is promised

  /** Lists every volume that may come to this node, each once. */
  outstanding(node: string, without?: string): Item[] {
    const items = new Map<string, Item>();
    for (const [uid, chosen] of this.chosen) {
      const claim = [...this.known.claim.values()].find((c) => c.uid === uid);
      const item = claim && this.itemOf(claim);
      if (item && chosen === node) items.set(uid, item);
    }
    for (const [pod, hold] of this.holds) {
      if (pod === without || !hold.nodes.has(node)) continue;
      for (const item of hold.items) items.set(item.uid ?? `${item.key} of ${pod}`, item);
    }
    return [...items.values()];
  }

  /** Upper bound of what may be held on the node by any reading of what was heard. */
  conceivable(node: string): Item[] {
    const items = [...this.holds.values()].filter(({ nodes }) => nodes.has(node)).flatMap((hold) => hold.items);
    for (const claim of this.known.claim.values()) {
      const item = claim.selectedNode === node ? this.itemOf(claim) : undefined;
      if (item) items.push(item);
    }
    return [...items, ...this.replanned.filter((entry) => entry.node === node).flatMap((entry) => entry.items)];
  }

  isWrong(claim: ClaimFacts): boolean {
    const wrong = this.wrong.get(claim.uid);
    return wrong?.ask === askOf(claim) && (wrong.node ?? claim.selectedNode) === claim.selectedNode;
  }

  /**
   * Whether PersistentVolumes that exist may be there for claims of the pod, or Velero's claims. The pod then needs
   * less room, or none, and the model does not judge how much (R18, R22).
   */
  mayBeServed(pod: PodFacts): boolean {
    const offered = new Set([...this.known.pv.values()].flatMap(({ offer }) => offer?.storageClass ?? []));
    return pod.volumes.some((volume) => {
      if (volume.kind === 'inline') return false;
      const claim = this.known.claim.get(claimKeyOf(volume.claimName));
      // Of an ephemeral volume the claim may have been there when the pod was judged, and be gone.
      if (claim === undefined) return volume.kind === 'ephemeral' && offered.has(volume.storageClass ?? '');
      if (claim.volumeName !== undefined) return false;
      return claim.restore === 'into' || offered.has(claim.storageClass ?? '');
    });
  }

  /** Whether a claim stands in for the one that a volume populator fills. */
  hasStandIn({ uid, populated }: ClaimFacts): boolean {
    return populated === true && [...this.known.claim.values()].some(({ standsInFor }) => standsInFor === uid);
  }

  itemOf(claim: ClaimFacts): Item | undefined {
    if (this.isWrong(claim) || this.hasStandIn(claim)) return undefined;
    const policy = this.policyOf(claim.storageClass);
    if (!policy || policy === 'wrong' || claim.requested === 0) return undefined;
    if (claim.source?.kind === 'VolumeSnapshot') {
      const source = this.known.snapshot.get(claimKeyOf(claim.source.name));
      if (!source || source.readOnly) return undefined;
    }
    if (this.#isNoClone(claim)) return undefined;
    return { key: claimKeyOf(claim.name), uid: claim.uid, policy, size: claim.requested };
  }

  /** Finds where the volume of the claim is, by any record. */
  recordedOn(uid: string): { readonly node: string | undefined } | undefined {
    for (const volume of this.known.volume.values()) if (volume.claimUid === uid) return { node: volume.node };
    for (const promise of this.placed.values()) if (promise.claimUid === uid) return { node: promise.node };
    for (const pv of this.known.pv.values()) if (pv.driver === DRIVER && pv.claimUid === uid) return { node: pv.node };
    return undefined;
  }

  /** Finds where the volume of the claim is: the one that it names, else one that was made for it. */
  homeOf({ uid, volumeName = '' }: ClaimFacts): { readonly node: string | undefined } | undefined {
    const pv = this.known.pv.get(volumeName);
    if (!pv) return this.recordedOn(uid);
    const made = this.known.volume.get(pv.handle) ?? this.placed.get(pv.handle);
    return { node: (pv.driver === DRIVER ? made?.node : undefined) ?? pv.node };
  }

  /** Lists what a pod needs, volume by volume. */
  needs(pod: PodFacts): Needs {
    const all = pod.volumes.map((volume) => (volume.kind === 'inline' ? {} : this.#volumeNeeds(volume)));
    const pins = new Set(all.flatMap(({ pin }) => pin ?? []));
    const items = new Map(
      [...inlineItems(pod), ...all.flatMap(({ item }) => item ?? [])].map((item) => [item.key, item]),
    );
    const blocked = pins.size > 1 || all.some((volume) => volume.blocked);
    const stores = new Map(all.flatMap(({ store }) => (store ? [[store.key, store]] : [])));
    const mayWait = all.some((volume) => volume.mayWait);
    return { blocked, mayWait, pins, items: [...items.values()], stores: [...stores.values()] };
  }

  #volumeNeeds(volume: Exclude<PodVolume, { kind: 'inline' }>): VolumeNeeds {
    const key = claimKeyOf(volume.claimName);
    const claim = this.known.claim.get(key);
    if (claim) return this.#claimNeeds(claim);
    if (volume.kind === 'claim') return { blocked: true };
    const policy = this.policyOf(volume.storageClass);
    if (policy === 'wrong') return { blocked: true };
    return policy ? { item: { key, policy, size: volume.requested } } : {};
  }

  #claimNeeds(claim: ClaimFacts): VolumeNeeds {
    const policy = this.policyOf(claim.storageClass);
    if (!policy) return {};
    if (claim.deleting) return { blocked: true };
    const home = this.homeOf(claim);
    if (home) return { pin: home.node };
    if (claim.volumeName !== undefined) return {};
    if (this.hasStandIn(claim)) return { pin: claim.selectedNode };
    return { ...this.#openNeeds(claim), ...((policy === 'wrong' || this.isWrong(claim)) && { blocked: true }) };
  }

  /** Of a claim that has no volume. */
  #openNeeds(claim: ClaimFacts): VolumeNeeds {
    const item = this.itemOf(claim);
    const source = claim.source && this.#sourceNode(claim.source);
    // The source no longer matters once the node of the claim is chosen and its room held there.
    const pin = claim.selectedNode ?? source;
    const isUnknown = claim.source !== undefined && source === undefined;
    const waits = isUnknown && pin === undefined;
    const split = item === undefined && source !== undefined && source !== pin;
    const isNone = this.#isNoMount(claim) || this.#isNoClone(claim) || this.#isOfAnotherDriver(claim);
    return { blocked: waits || split || isNone, mayWait: isUnknown, pin, item, store: this.#storeOf(claim) };
  }

  /** Whether csi-provisioner makes no clone of what the claim names: that is gone, being deleted, or larger. */
  #isNoClone({ requested, source }: ClaimFacts): boolean {
    if (source?.kind !== 'PersistentVolumeClaim') return false;
    const origin = this.known.claim.get(claimKeyOf(source.name));
    return !origin || origin.deleting || requested < origin.requested;
  }

  #isOfAnotherDriver({ source }: ClaimFacts): boolean {
    const origin = source?.kind === 'PersistentVolumeClaim' && this.known.claim.get(claimKeyOf(source.name));
    const pv = origin && this.known.pv.get(origin.volumeName ?? '');
    return pv !== undefined && pv !== false && pv.driver !== DRIVER;
  }

  /** Beside the largest size that anything says of the volume that is cloned. */
  #storeOf({ name, source }: ClaimFacts): Item | undefined {
    const origin = source?.kind === 'PersistentVolumeClaim' ? this.known.claim.get(claimKeyOf(source.name)) : undefined;
    if (!origin?.bound) return undefined;
    const made = [...this.known.volume.values()].filter(({ claimUid }) => claimUid === origin.uid);
    // A volume that was handed over says that it is of the claim for which it was made.
    const named = this.known.pv.get(origin.volumeName ?? '');
    const theirs = [...this.known.pv.values()].filter((pv) => pv.claimUid === origin.uid || pv === named);
    const handle = named?.handle ?? '';
    const places = [
      ...[this.known.volume.get(handle), this.placed.get(handle)].flatMap((one) => one ?? []),
      ...[...this.known.volume.values(), ...this.placed.values()].filter(({ claimUid }) => claimUid === origin.uid),
      ...theirs.flatMap((pv) => pv.takes ?? []),
    ];
    const [place] = places;
    if (place?.kind !== 'LVM') return undefined;
    const handles = [...made.map((volume) => volume.name), ...theirs.map(({ handle }) => handle)];
    const sizes = [
      ...places.map((one) => one.size),
      ...handles.flatMap((handle) => [this.known.volume.get(handle)?.size ?? 0, this.grown.get(handle) ?? 0]),
    ];
    const size = storeOfClone(toBytes(Math.max(...sizes)));
    return { key: `${claimKeyOf(name)} while it is copied`, policy: { kind: 'LVM', vgName: place.where }, size };
  }

  /** Whether the claim is to mount a snapshot as it is, and its class is of volumes that are none of LVM. */
  #isNoMount({ source, storageClass }: ClaimFacts): boolean {
    const policy = this.policyOf(storageClass);
    const snapshot = source?.kind === 'VolumeSnapshot' ? this.known.snapshot.get(claimKeyOf(source.name)) : undefined;
    return snapshot?.readOnly === true && policy !== 'wrong' && policy?.kind !== 'LVM';
  }

  #sourceNode(source: NonNullable<ClaimFacts['source']>): string | undefined {
    if (source.kind === 'VolumeSnapshot') return this.known.snapshot.get(claimKeyOf(source.name))?.node;
    const origin = this.known.claim.get(claimKeyOf(source.name));
    if (!origin?.bound) return undefined;
    return this.homeOf(origin)?.node;
  }

  /**
   * Tells whether all these volumes find a place on the node beside the existing ones. Tries every way.
   */
  fits(node: string, items: readonly Item[]): boolean {
    if (items.length === 0) return true;
    const facts = this.known.node.get(node);
    const uses = this.uses();
    const groups = new Map((facts?.groups ?? []).map((group) => [group, this.room(node, group.name, uses)]));
    const units = (facts?.units ?? []).filter((unit) => unit.usable && this.ownersOf(node, unit, uses).length === 0);
    const place = (next: number, used: ReadonlySet<UnitFacts>): boolean => {
      const item = items[next];
      if (!item) return true;
      const { kind, vgName, mediaType } = item.policy;
      if (kind !== 'LVM') {
        return units.some(
          (unit) =>
            !used.has(unit) &&
            unit.kind === kind &&
            unit.size >= item.size &&
            (mediaType === undefined || unit.mediaType === mediaType) &&
            place(next + 1, new Set([...used, unit])),
        );
      }
      for (const [group, room] of groups) {
        const amount = inExtents(item.size, group);
        if ((vgName !== undefined && vgName !== group.name) || room < amount) continue;
        if (this.refuses(node, group.name, amount)) continue;
        groups.set(group, room - amount);
        if (place(next + 1, used)) return true;
        groups.set(group, room);
      }
      return false;
    };
    return place(0, new Set());
  }
}

/** Whole extents; what a node does not report is counted in LVM's default extents of 4 MiB. */
export function inExtents(size: number, group: { readonly extentSize: number } | undefined): number {
  const extent = group?.extentSize ?? 4 * MIB;
  return Math.ceil(size / extent) * extent;
}

export const inlineItems = once((pod: PodFacts): Item[] =>
  pod.volumes.flatMap((volume): Item[] => {
    if (volume.kind !== 'inline') return [];
    const { vgName = '', size = '1Gi' } = volume.attributes;
    const key = inlineVolumeId(pod.uid, volume.volumeName);
    return [{ key, policy: { kind: 'LVM', vgName }, size: parseQuantity(size) }];
  }),
);

const readPolicy = once((facts: ClassFacts): VolumePolicy | 'wrong' => {
  try {
    return parseStorageClass(facts.parameters);
  } catch {
    return 'wrong';
  }
});

/** Caches what an object says: objects do not change, so each is read once. */
function once<K extends object, V>(read: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const value = known.get(key) ?? read(key);
    known.set(key, value);
    return value;
  };
}

export const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);
export const toBytes = (n: number): Bytes => bytes(n);
