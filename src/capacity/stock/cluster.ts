import type { NodeStorage } from '../../model/facts.ts';
import type { AskedNodes } from '../../model/verdict.ts';
import { Columns, NONE } from './columns.ts';
import { NodeRoom } from './node-stock.ts';
import type { Slot } from './slot.ts';

/** The nodes with storage, and those without on which something is held or recorded. */
export class Cluster {
  readonly columns: Columns;
  readonly #nodes = new Map<string, NodeRoom>();
  readonly #byNumber: (NodeRoom | undefined)[] = [];
  readonly #byRow: (Slot | undefined)[] = [];
  #epoch = 0;

  /** `firstRows`: how many slots, and how many nodes, there is room for before the columns grow. */
  constructor(firstRows?: number) {
    this.columns = new Columns(firstRows);
  }

  /** A node that reports storage. */
  find(name: string): NodeRoom | undefined {
    const node = this.#nodes.get(name);
    return node?.present ? node : undefined;
  }

  /** A node that reports storage, or on which something is held or recorded. */
  peek(name: string): NodeRoom | undefined {
    return this.#nodes.get(name);
  }

  /** The node, known or not: something may be held or recorded there before it reports, and after it is gone. */
  room(name: string): NodeRoom {
    const known = this.#nodes.get(name);
    if (known) return known;
    const node = new NodeRoom(name, this.columns, this.#byRow);
    this.#byNumber[node.number] = node;
    this.#nodes.set(name, node);
    this.#epoch += 1;
    return node;
  }

  /** The node of a number that `numberOf` gave in this epoch. */
  node(number: number): NodeRoom {
    const node = this.#byNumber[number];
    if (!node) throw new Error(`number ${number} is no node`);
    return node;
  }

  /** The slot whose numbers stand in the row. */
  slot(row: number): Slot {
    const slot = this.#byRow[row];
    if (!slot) throw new Error(`row ${row} is no slot`);
    return slot;
  }

  /** Grows whenever the number of some name changes. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The node's number, NONE when it is not known. */
  numberOf(name: string): number {
    return this.#nodes.get(name)?.number ?? NONE;
  }

  /** The numbers of the nodes asked about, in their order. */
  numbersOf(asked: AskedNodes): Int32Array {
    if (asked.numbers) return asked.numbers();
    const { names } = asked;
    const numbers = new Int32Array(names.length);
    for (let i = 0; i < names.length; i += 1) numbers[i] = this.numberOf(names[i] ?? '');
    return numbers;
  }

  /** Takes a node's report. */
  report(storage: NodeStorage): void {
    this.room(storage.name).report(storage);
  }

  /** The node is gone: it has no room, and what is held or recorded there stays so (R14, unseen is not free). */
  remove(name: string): void {
    this.#nodes.get(name)?.report(undefined);
  }

  /** Forgets the nodes that are gone, once nothing is held or recorded there. */
  pruneAbsent(): void {
    for (const [name, node] of this.#nodes) {
      if (node.present) continue;
      node.prune();
      if (!node.isIdle()) continue;
      this.#nodes.delete(name);
      this.#byNumber[node.number] = undefined;
      this.columns.removeNode(node.number);
      this.#epoch += 1;
    }
  }

  *present(): Iterable<NodeRoom> {
    for (const node of this.#nodes.values()) if (node.present) yield node;
  }

  /** A refused pod may fit now though no room was freed: a claim, class or snapshot came. */
  noteNews(): void {
    this.columns.freed.any = true;
  }

  all(): Iterable<NodeRoom> {
    return this.#nodes.values();
  }

  /** What was freed since the last call. */
  takeFreed(): { readonly any: boolean; readonly awaited: readonly NodeRoom[] } {
    const { freed } = this.columns;
    const taken = { any: freed.any, awaited: [...freed.awaited].map((number) => this.node(number)) };
    freed.any = false;
    freed.awaited.clear();
    return taken;
  }
}
