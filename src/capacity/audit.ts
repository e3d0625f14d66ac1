import type { ClaimFacts, ClassFacts, NodeStorage, PodFacts, PvFacts, VolumeFacts } from '../model/facts.ts';
import { auditNode, heldByRow, type NodeAudit } from './audit-node.ts';
import type { Books } from './books/books.ts';
import type { Pods } from './books/pods.ts';
import { inlineVolumesOf } from './needs/pod-needs.ts';
import { pvChanged, pvGone, volumeChanged, volumeGone } from './books/volume-events.ts';

/** All that was heard of one node. */
export interface HeardOfNode {
  /** Undefined when it has no NodeLocalStorage. */
  readonly storage: NodeStorage | undefined;
  readonly volumes: readonly VolumeFacts[];
  readonly pvs: readonly PvFacts[];
  /** Those that are bound to it. */
  readonly pods: readonly PodFacts[];
}

/** What it was told of objects that belong to no node, each under its key in the API: `namespace/name`, or `name`. */
export interface ToldObjects {
  readonly claims: ReadonlyMap<string, ClaimFacts>;
  readonly pvs: ReadonlyMap<string, PvFacts>;
  readonly classes: ReadonlyMap<string, ClassFacts>;
}

/** One number that is not the same on both sides. */
export interface AuditDifference {
  readonly what: string;
  readonly kept: number;
  readonly fresh: number;
}

/** A ledger looked at from outside: to compare it with another one, and to bring a node in line again. */
export interface Audit {
  /** The nodes of which it knows anything. */
  nodeNames(): Iterable<string>;
  look(nodes: Iterable<string>): Map<string, NodeAudit>;
  readonly told: ToldObjects;
  /** Counts one node anew by what was heard of it, in one step. Room that is held or expected stays so. */
  heal(node: string, heard: HeardOfNode): void;
}

/** `step`: runs one change of the ledger. */
export function createAudit(books: Books, pods: Pick<Pods, 'changed'>, step: (change: () => void) => void): Audit {
  return {
    nodeNames: () => [...books.cluster.all()].map(({ name }) => name),
    look: (nodes) => {
      const held = heldByRow(books);
      return new Map([...nodes].map((name) => [name, auditNode(books, name, held)]));
    },
    told: { claims: books.claims.told, pvs: books.pvs.told, classes: books.classes.told },
    heal: (node, heard) => step(() => heal(books, pods, node, heard)),
  };
}

/** What differs between a ledger that has lived and one that was told the same objects now. */
export function differencesOf(kept: NodeAudit, fresh: NodeAudit): AuditDifference[] {
  return [...new Set([...kept.numbers.keys(), ...fresh.numbers.keys()])]
    .filter((key) => !kept.pending.has(key))
    .map((what) => ({ what, kept: kept.numbers.get(what) ?? 0, fresh: fresh.numbers.get(what) ?? 0 }))
    .filter((one) => one.kept !== one.fresh);
}

function heal(books: Books, pods: Pick<Pods, 'changed'>, node: string, heard: HeardOfNode): void {
  const { cluster } = books;
  if (heard.storage) cluster.report(heard.storage);
  else cluster.remove(node);
  for (const volume of heard.volumes) volumeChanged(books, volume);
  for (const pv of heard.pvs) pvChanged(books, pv);
  for (const pod of heard.pods) pods.changed(pod);
  forgetUnheard(books, node, heard);
  forgetUnrecorded(books, node);
  mendSums(books, node);
  cluster.noteNews();
}

/** Forgets what objects said that are not there, of volumes that are counted on the node. */
function forgetUnheard(books: Books, node: string, heard: HeardOfNode): void {
  const objects = new Set(heard.volumes.map(({ name }) => name));
  const pvNames = new Set(heard.pvs.map(({ name }) => name));
  const inlines = new Set(heard.pods.flatMap(inlineNames));
  const there = [...books.records.all()].filter(({ slot }) => slot?.node.name === node);
  for (const { name, object, pv, inline } of there) {
    if (object?.node === node && !objects.has(name)) volumeGone(books, name);
    if (pv?.node === node && !pvNames.has(pv.name)) pvGone(books, pv.name);
    if (inline?.node === node && !inlines.has(name)) books.changeRecord(name, (record) => (record.inline = undefined));
  }
}

/** Takes volumes out of slots that their records do not name. */
function forgetUnrecorded({ cluster, records }: Books, node: string): void {
  for (const slot of cluster.peek(node)?.slots() ?? [])
    for (const name of slot.recorded()) if (records.get(name)?.slot !== slot) slot.record(name, undefined);
}

const inlineNames = (pod: PodFacts): string[] => inlineVolumesOf(pod).map(({ key }) => key);

/** Makes what a slot holds the sum of the holds, and what is free what the sums leave. */
function mendSums(books: Books, node: string): void {
  const held = heldByRow(books);
  const { columns } = books.cluster;
  for (const { row } of books.cluster.peek(node)?.slots() ?? []) {
    const { settled, floating } = held.get(row) ?? { settled: 0, floating: 0 };
    columns.settled[row] = settled;
    columns.floating[row] = floating;
    columns.free[row] = columns.base[row]! - settled - floating;
  }
}
