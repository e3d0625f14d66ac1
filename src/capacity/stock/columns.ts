/** Room for a pod that may still go to other nodes, or whose node is known. */
export type HoldState = 'floating' | 'settled';

/** How many slots, and how many nodes, the columns have room for at first. */
export const FIRST_ROWS = 64;
/** Neither a row nor a number. */
export const NONE = -1;

/** In whole extents, as lvcreate will round it; all in bytes. */
export const wholeExtents = (size: number, extent: number): number => Math.ceil(size / extent) * extent;

/** Where room was freed during one step of the ledger. Who waits for it is tried when the step ends. */
export interface FreedRoom {
  any: boolean;
  /** Numbers of the nodes among them that have unmet claims. */
  readonly awaited: Set<number>;
}

/**
 * The numbers of all slots and nodes, one array for each kind of number; a slot is a row, and a node has a number. A
 * filter reads four or five numbers of each of thousands of nodes. In arrays they stay in the processor's cache;
 * objects would have fallen out of it by the next call. `Slot` and `NodeRoom` are the readable view of a row, and the
 * only writers of all columns but `settled`, `floating` and `free`.
 *
 * The arrays are replaced as they grow: read them from here anew in every call.
 */
export class Columns {
  readonly freed: FreedRoom = { any: false, awaited: new Set() };
  // Of slots.
  base = new Float64Array(0);
  settled = new Float64Array(0);
  floating = new Float64Array(0);
  /** base - settled - floating. */
  free = new Float64Array(0);
  /** Taken by the volumes of the pod that is being planned; zero between plans. */
  planned = new Float64Array(0);
  /** Of a group, bytes. */
  extent = new Float64Array(0);
  /** Of a group, bytes. */
  total = new Float64Array(0);
  /** What takes this much or more has been refused by the node itself; Infinity when nothing was. */
  refusedFrom = new Float64Array(0);
  /** Number of the group's name. */
  groupName = new Int32Array(0);
  /** The next group of the node, NONE after the last. */
  nextGroup = new Int32Array(0);
  /** The slot's node. */
  nodeOf = new Int32Array(0);
  // Of nodes.
  /** 1 while the node reports storage. */
  present = new Uint8Array(0);
  firstGroup = new Int32Array(0);
  unitCount = new Int32Array(0);
  /** How many claims are unmet there. */
  unmetCount = new Int32Array(0);

  #rows = 0;
  readonly #freeRows: number[] = [];
  #numbers = 0;
  readonly #freeNumbers: number[] = [];
  readonly #groupNumbers = new Map<string, number>();

  /** `firstRows`: how many slots, and how many nodes, there is room for before the columns grow. */
  constructor(firstRows = FIRST_ROWS) {
    this.#resizeSlots(firstRows);
    this.#resizeNodes(firstRows);
  }

  /** A row of zeros for a slot of the node. */
  addRow(node: number): number {
    const row = this.#freeRows.pop() ?? this.#rows++;
    if (row === this.base.length) this.#resizeSlots(2 * row);
    for (const column of [this.base, this.settled, this.floating, this.free, this.planned, this.extent, this.total])
      column[row] = 0;
    this.refusedFrom[row] = Infinity;
    this.groupName[row] = NONE;
    this.nextGroup[row] = NONE;
    this.nodeOf[row] = node;
    return row;
  }

  /** The row may be given to another slot: nothing may remember it. */
  removeRow(row: number): void {
    this.#freeRows.push(row);
  }

  addNode(): number {
    const number = this.#freeNumbers.pop() ?? this.#numbers++;
    if (number === this.present.length) this.#resizeNodes(2 * number);
    this.present[number] = 0;
    this.firstGroup[number] = NONE;
    this.unitCount[number] = 0;
    this.unmetCount[number] = 0;
    return number;
  }

  /** The number may be given to another node: nothing may remember it. */
  removeNode(number: number): void {
    this.#freeNumbers.push(number);
  }

  /** Number of a group's name; NONE when no node ever had a group of this name. */
  groupNumber(name: string): number {
    return this.#groupNumbers.get(name) ?? NONE;
  }

  /** Number of a group's name, a new one when there was none. */
  numberGroup(name: string): number {
    const number = this.#groupNumbers.get(name) ?? this.#groupNumbers.size;
    this.#groupNumbers.set(name, number);
    return number;
  }

  /** The room that a volume of so many bytes takes in the slot: whole extents of a group, or a unit. */
  amountFor(row: number, size: number): number {
    return this.groupName[row] === NONE ? 1 : wholeExtents(size, this.extent[row]!);
  }

  hold(row: number, amount: number, state: HoldState): void {
    const held = state === 'floating' ? this.floating : this.settled;
    held[row]! += amount;
    this.free[row]! -= amount;
  }

  release(row: number, amount: number, state: HoldState): void {
    this.hold(row, -amount, state);
    this.noteFreed(this.nodeOf[row]!);
  }

  /** Holds each amount in its row; none where the row is NONE. */
  holdAll(rows: Int32Array, amounts: Float64Array, state: HoldState): void {
    const held = state === 'floating' ? this.floating : this.settled;
    const { free } = this;
    for (let at = 0; at < rows.length; at += 1) {
      const row = rows[at]!;
      if (row === NONE) continue;
      const amount = amounts[at]!;
      held[row]! += amount;
      free[row]! -= amount;
    }
  }

  /** Releases every `step`th amount, from the one at `first` on, and puts NONE in place of its row. */
  releaseEvery(plan: { rows: Int32Array; amounts: Float64Array }, state: HoldState, first: number, step: number): void {
    const held = state === 'floating' ? this.floating : this.settled;
    const { rows, amounts } = plan;
    const { free, nodeOf } = this;
    for (let at = first; at < rows.length; at += step) {
      const row = rows[at]!;
      if (row === NONE) continue;
      const amount = amounts[at]!;
      held[row]! -= amount;
      free[row]! += amount;
      rows[at] = NONE;
      this.noteFreed(nodeOf[row]!);
    }
  }

  /** The node has more room than before. */
  noteFreed(node: number): void {
    this.freed.any = true;
    if (this.unmetCount[node]! > 0) this.freed.awaited.add(node);
  }

  /** Makes the columns of slots so long, at first and whenever they are full. */
  #resizeSlots(rows: number): void {
    this.base = resized(this.base, rows);
    this.settled = resized(this.settled, rows);
    this.floating = resized(this.floating, rows);
    this.free = resized(this.free, rows);
    this.planned = resized(this.planned, rows);
    this.extent = resized(this.extent, rows);
    this.total = resized(this.total, rows);
    this.refusedFrom = resized(this.refusedFrom, rows);
    this.groupName = resized(this.groupName, rows);
    this.nextGroup = resized(this.nextGroup, rows);
    this.nodeOf = resized(this.nodeOf, rows);
  }

  /** Makes the columns of nodes so long, at first and whenever they are full. */
  #resizeNodes(nodes: number): void {
    this.present = resized(this.present, nodes);
    this.firstGroup = resized(this.firstGroup, nodes);
    this.unitCount = resized(this.unitCount, nodes);
    this.unmetCount = resized(this.unmetCount, nodes);
  }
}

/** A copy of this length, which is not shorter. */
function resized<T extends Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(
  column: T,
  length: number,
): T {
  const Column = column.constructor as new (length: number) => T;
  const copy = new Column(length);
  copy.set(column);
  return copy;
}
