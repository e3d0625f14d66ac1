import type { Ledger, LedgerPolicy } from '../../src/capacity/ledger.ts';
import { minus } from '../../src/model/bytes.ts';
import type { GroupFacts, NodeStorage, PodFacts, PvFacts, UnitFacts, VolumeFacts } from '../../src/model/facts.ts';
import { demand } from './violation.ts';
import { hear } from './hear.ts';
import { inlineItems, Model, sum, toBytes } from './model.ts';
import {
  CLASSES,
  DRIVER,
  emptyStore,
  EXTENTS,
  halfGib,
  KINDS,
  type Kind,
  type Objects,
  type Store,
} from './objects.ts';
import type { Random } from './random.ts';

export type LedgerClass = new (policy: LedgerPolicy) => Ledger;

/** A disk as it really is. */
export interface RealGroup {
  total: number;
  reserved: number;
  /** Gets nothing new. */
  cordoned: boolean;
  /** Bytes in use that no volume shows. */
  meta: number;
  /** True while the agent cannot read the disk, and leaves it out of its report. */
  unreadable: boolean;
  /** Another group of this name is on the node: the agent offers no room, and reports what is in both. */
  duplicate: boolean;
  readonly volumes: Map<string, number>;
}

export interface RealUnit {
  readonly facts: UnitFacts;
  blocked: boolean;
  owner: string | undefined;
}

export interface RealNode {
  readonly name: string;
  readonly extentSize: number;
  readonly groups: Map<string, RealGroup>;
  readonly units: RealUnit[];
  lost: boolean;
}

/** So few that the ledger's columns grow in every history. */
const FIRST_ROWS = 2;
export const HOLD_TTL_MS = 60_000;

/**
 * The cluster: the API server's objects, the disks, the events under way to the ledger, the ledger, and the model
 * beside it.
 */
export class World {
  random: Random;
  readonly api: Store = emptyStore();
  readonly nodes = new Map<string, RealNode>();
  readonly model = new Model();
  /** Last answer of the extender for each pod, as the scheduler remembers it. */
  readonly answers = new Map<string, readonly string[]>();
  /** True in half of the histories: disks die, nodes vanish, strangers make volumes. */
  readonly rough: boolean;
  /** Volumes whose objects are marked for deletion. */
  readonly doomed = new Set<string>();
  /** Of each snapshot's store the name of the volume that it is of. */
  readonly origins = new Map<string, string>();
  /** Of each copy that is under way the snapshot that it is read from. */
  readonly copies = new Map<string, string>();
  /** Nodes where something unforeseeable happened: a disk died, a stranger made a volume. */
  readonly disturbed = new Set<string>();
  /** In half of the histories: kube-scheduler's configuration has the bind verb. */
  readonly bindsByVerb: boolean;
  readonly policy: LedgerPolicy;
  ledger: Ledger;
  now = 0;
  made = 0;
  readonly #queues = new Map<Kind, { readonly key: string; readonly object: Objects[Kind] | undefined }[]>();
  readonly #Ledger: LedgerClass;

  /** `nodes`: how many the cluster has, one to three unless given. */
  constructor(random: Random, LedgerClass: LedgerClass, nodes?: number) {
    this.random = random;
    this.#Ledger = LedgerClass;
    this.rough = random.chance(50);
    this.policy = {
      strategy: random.chance(50) ? 'binpack' : 'spread',
      drivers: [DRIVER],
      holdTtlMs: HOLD_TTL_MS,
      float: random.pick([{ kind: 'wide' }, { kind: 'one' }, { kind: 'roomy', more: 1 }] as const) ?? { kind: 'wide' },
      antiAffinity: random.chance(30) ? { LVM: 3, MountPoint: 5 } : {},
      firstRows: FIRST_ROWS,
      onBroken: (what) => demand(false, () => `the ledger says of itself: ${what}`),
    };
    this.bindsByVerb = random.chance(50);
    this.ledger = new LedgerClass(this.policy);
    this.ledger.sourcesListed();
    for (const facts of CLASSES) this.set('class', facts.name, facts);
    const count = nodes ?? 1 + random.below(3);
    for (let i = 1; i <= count; i += 1) this.#addNode(`n${i}`);
    for (const name of this.nodes.keys()) this.report(name);
    this.deliverAll();
  }

  /** Plays one event with a source of randomness of its own. */
  step(random: Random, act: (world: World) => boolean): boolean {
    this.random = random;
    return act(this);
  }

  nextId(prefix: string): string {
    this.made += 1;
    return `${prefix}${this.made}`;
  }

  // --- The API server

  set<K extends Kind>(kind: K, key: string, object: Objects[K] | undefined): void {
    const store = this.api[kind] as Map<string, Objects[K]>;
    if (object === undefined) store.delete(key);
    else store.set(key, object);
    const queue = this.#queues.get(kind) ?? [];
    this.#queues.set(kind, queue);
    queue.push({ key, object });
  }

  /** Delivers the oldest event of a kind. False when there is none. */
  deliver(kind: Kind): boolean {
    const event = this.#queues.get(kind)?.shift();
    if (!event) return false;
    this.tell(kind, event.key, event.object);
    return true;
  }

  deliverAll(): void {
    while (this.random.shuffle(KINDS).some((kind) => this.deliver(kind)));
  }

  /** Breaks the watch: its events are lost, and a list tells what exists now, and so what is gone. */
  relist(kind: Kind): void {
    this.#queues.set(kind, []);
    const keys = new Set([...this.model.known[kind].keys(), ...this.api[kind].keys()]);
    for (const key of this.random.shuffle(keys)) this.tell(kind, key, this.api[kind].get(key));
  }

  /** Lets the ledger and the model hear of one object. */
  tell<K extends Kind>(kind: K, key: string, object: Objects[K] | undefined): void {
    const store = this.model.known[kind] as Map<string, Objects[K]>;
    const before = store.get(key);
    this.#noteUnplanned(kind, object);
    if (object === undefined) store.delete(key);
    else store.set(key, object);
    tellLedger(this.ledger, kind, before, object);
    hear(this.model, kind, before, object);
  }

  /**
   * Records that an object about to be heard takes room that was not held for it: bound by hand, or after its hold
   * ended.
   */
  #noteUnplanned(kind: Kind, object: Objects[Kind] | undefined): void {
    if (kind === 'volume' && object) {
      const { name, node } = object as VolumeFacts;
      if (!this.#isPlanned(name, node)) this.disturbed.add(node);
    }
    if (kind === 'pv' && object) this.#noteLatePv(object as PvFacts);
    if (kind === 'pod' && object) this.noteBinding(object as PodFacts);
    if (kind === 'node' && object) this.#noteStale(object as NodeStorage);
  }

  /** A PersistentVolume that is first heard of when its volume is gone: its room seems taken until its own end. */
  #noteLatePv({ driver, handle, node, takes }: PvFacts): void {
    if (driver === DRIVER && takes && node !== undefined && !this.#isPlanned(handle, node)) this.disturbed.add(node);
  }

  /**
   * Delivers a report from before a volume was removed after the end of its object: its room seems taken for a while.
   */
  #noteStale({ name: node, groups, units }: NodeStorage): void {
    const before = this.model.known.node.get(node);
    const uses = this.model.uses().filter((use) => use.node === node);
    const known = new Set(before?.groups.flatMap(({ volumes }) => volumes.map(({ name }) => name)));
    const seen = groups.flatMap(({ volumes }) => volumes.map(({ name }) => name));
    const busy = units.filter(
      (unit) => !unit.usable && before?.units.some(({ path, usable }) => path === unit.path && usable),
    );
    const isStale =
      seen.some((name) => !known.has(name) && !uses.some((use) => use.name === name)) ||
      busy.some(({ path }) => !uses.some(({ where }) => where === path));
    if (isStale) this.disturbed.add(node);
  }

  /** Binds a pod with inline volumes to a node. */
  noteBinding(pod: PodFacts): void {
    const node = pod.nodeName;
    if (node === undefined || pod.finished) return;
    if (inlineItems(pod).some(({ key }) => !this.#isPlanned(key, node))) this.disturbed.add(node);
  }

  #isPlanned(name: string, node: string): boolean {
    if (this.model.uses().some((use) => use.name === name && use.node === node)) return true;
    return [...this.model.holds.values()].some(
      (hold) => hold.nodes.has(node) && hold.items.some((item) => item.key === name),
    );
  }

  /** Restarts the operator: a new one starts from the objects of the API server. */
  restart(): void {
    this.#queues.clear();
    this.ledger = this.fresh();
    this.model.holds.clear();
    this.model.placed.clear();
    this.model.grown.clear();
    this.model.refused.clear();
    this.model.wrong.clear();
    this.model.replanned.length = 0;
    const chosen = new Map(this.model.chosen);
    for (const kind of KINDS) {
      const store = this.model.known[kind] as Map<string, Objects[Kind]>;
      store.clear();
      for (const [key, object] of this.api[kind]) store.set(key, object);
    }
    this.model.chosen.clear();
    this.model.made.clear();
    this.model.noteMade();
    for (const claim of this.model.known.claim.values()) {
      const { uid, selectedNode, volumeName } = claim;
      const open = volumeName === undefined && !this.model.recordedOn(uid) && this.model.itemOf(claim) !== undefined;
      if (!open || selectedNode === undefined) continue;
      if (chosen.get(uid) === selectedNode) this.model.chosen.set(uid, selectedNode);
      // The pod went there without a promise; after a restart it cannot be told from those that had one.
      else this.disturbed.add(selectedNode);
    }
  }

  /** Makes a ledger that has heard every object of the API server, in any order, and nothing else. */
  fresh(): Ledger {
    const ledger = new this.#Ledger(this.policy);
    const all = KINDS.flatMap((kind) => [...this.api[kind].values()].map((object) => ({ kind, object })));
    for (const { kind, object } of this.random.shuffle(all)) tellLedger(ledger, kind, undefined, object);
    ledger.sourcesListed();
    return ledger;
  }

  // --- The nodes

  /** Lets the agent of the node write its status. */
  report(name: string): void {
    const node = this.nodes.get(name);
    if (node) this.set('node', name, node.lost ? undefined : statusOf(node));
  }

  freeOnDisk(node: string, group: string): number {
    const real = this.nodes.get(node)?.groups.get(group);
    return real ? real.total - real.meta - sum(real.volumes.values()) : 0;
  }

  #addNode(name: string): void {
    const { random } = this;
    const extent = random.pick(EXTENTS) ?? 0;
    const groups = new Map<string, RealGroup>();
    for (let i = 0; i < 1 + random.below(2); i += 1) {
      const total = halfGib(6 + random.below(10));
      groups.set(`pool-${i}`, {
        total: total - (total % extent),
        reserved: 0,
        cordoned: false,
        meta: 0,
        unreadable: false,
        duplicate: false,
        volumes: new Map(),
      });
    }
    const units: RealUnit[] = [];
    for (let i = 0; i < random.below(4); i += 1) {
      const kind = random.chance(60) ? 'Device' : 'MountPoint';
      const mediaType = random.chance(60) ? 'ssd' : 'hdd';
      const facts = {
        kind,
        path: `/${kind}/${i}`,
        size: halfGib(1 + random.below(8)),
        mediaType,
        usable: true,
      } as const;
      units.push({ facts, blocked: false, owner: undefined });
    }
    this.nodes.set(name, { name, extentSize: extent, groups, units, lost: false });
  }
}

function statusOf(node: RealNode): NodeStorage {
  return {
    name: node.name,
    groups: [...node.groups]
      .filter(([, group]) => !group.unreadable)
      .map(([name, group]) => ({
        name,
        available: toBytes(group.duplicate ? 0 : Math.max(0, group.total - group.meta - sum(group.volumes.values()))),
        extentSize: toBytes(node.extentSize),
        volumes: [...group.volumes].map(([volume, size]) => ({ name: volume, size: toBytes(size) })),
        ...roomOf(group),
      })),
    units: node.units.map(({ facts, blocked, owner }) => ({
      ...facts,
      usable: !blocked && (facts.kind === 'MountPoint' || owner === undefined),
    })),
  };
}

/** As model/decode-node.ts has it of a cordoned group. */
function roomOf(group: RealGroup): Pick<GroupFacts, 'total' | 'reserved'> & Partial<Pick<GroupFacts, 'forGrowth'>> {
  const total = toBytes(group.duplicate ? 0 : group.total);
  const reserved = toBytes(group.reserved);
  return group.cordoned ? { total, reserved: total, forGrowth: minus(total, reserved) } : { total, reserved };
}

const EVENTS: {
  readonly [K in Kind]: {
    readonly changed: (ledger: Ledger, object: Objects[K]) => void;
    readonly gone: (ledger: Ledger, object: Objects[K]) => void;
  };
} = {
  node: { changed: (ledger, node) => ledger.nodeChanged(node), gone: (ledger, { name }) => ledger.nodeGone(name) },
  class: { changed: (ledger, facts) => ledger.classChanged(facts), gone: (ledger, { name }) => ledger.classGone(name) },
  claim: { changed: (ledger, claim) => ledger.claimChanged(claim), gone: (ledger, { uid }) => ledger.claimGone(uid) },
  pod: { changed: (ledger, pod) => ledger.podChanged(pod), gone: (ledger, { uid }) => ledger.podGone(uid) },
  volume: {
    changed: (ledger, volume) => ledger.volumeChanged(volume),
    gone: (ledger, { name }) => ledger.volumeGone(name),
  },
  pv: { changed: (ledger, pv) => ledger.pvChanged(pv), gone: (ledger, { name }) => ledger.pvGone(name) },
  snapshot: {
    changed: (ledger, source) => ledger.sourceChanged(source),
    gone: (ledger, { namespace, name }) => ledger.sourceGone(namespace, name),
  },
};

/** `before` is what was known: a ledger hears only of the end of what it knew. */
function tellLedger<K extends Kind>(
  ledger: Ledger,
  kind: K,
  before: Objects[K] | undefined,
  now: Objects[K] | undefined,
): void {
  if (now) EVENTS[kind].changed(ledger, now);
  else if (before) EVENTS[kind].gone(ledger, before);
}
