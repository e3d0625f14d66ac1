import type { Cluster } from '../stock/cluster.ts';
import { NONE, wholeExtents, type Columns } from '../stock/columns.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Slot } from '../stock/slot.ts';
import type { UnitSlot } from '../stock/unit-slot.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';

/** binpack fills the fullest group that has room; spread takes the one with the most room. */
export type Strategy = 'binpack' | 'spread';

export interface PlacingRules {
  readonly strategy: Strategy;
  /** Leaves floating holds out of account: would it fit if the pods that hold them went elsewhere? */
  readonly ignoreFloating: boolean;
}

/**
 * How many wrong turns the searches of one call may take for a better packing. When none is left, a node on which
 * taking the best group for one volume after the other does not work is called full.
 */
export interface SearchBudget {
  turns: number;
}

/**
 * Why one volume has no room on a node: there is no such group or unit, those that there are have no room, or one has
 * room by its numbers and the node could not make such a volume there.
 */
export type WhyNot = 'absent' | 'full' | 'refused';

/** Any group will do. */
const ANY_GROUP = -2;

/**
 * A search for places for the volumes of a pod, on one node after the other. Takes no room. The volumes of one node
 * are planned together: what one takes, the next does not find (R7, planned together). `requests` are in the order of
 * `byNeed`.
 */
export class PlaceSearch {
  /** For each node where all requests fitted, one after the other, the row of the slot for each request. */
  readonly #found: Int32Array;
  #count = 0;
  readonly #cluster: Cluster;
  readonly #columns: Columns;
  readonly #requests: readonly VolumeRequest[];
  readonly #groups: Int32Array;
  readonly #rules: PlacingRules;
  readonly #budget: SearchBudget;

  /** `rules.nodes`: for how many nodes at most `place` will find room; 1 unless given. */
  constructor(
    cluster: Cluster,
    requests: readonly VolumeRequest[],
    rules: PlacingRules & { readonly budget: SearchBudget; readonly nodes?: number },
  ) {
    this.#found = new Int32Array((rules.nodes ?? 1) * requests.length);
    this.#cluster = cluster;
    this.#columns = cluster.columns;
    this.#requests = requests;
    this.#groups = Int32Array.from(requests, ({ vgName }) =>
      vgName === undefined ? ANY_GROUP : cluster.columns.groupNumber(vgName),
    );
    this.#rules = rules;
    this.#budget = rules.budget;
  }

  /** The rows found so far: of each node where all fitted, in the order of the calls, one for each request. */
  rows(): Int32Array {
    return this.#found.slice(0, this.#count);
  }

  /** Whether all requests have room on the node. Finds no rows. */
  fits(node: number): boolean {
    const start = this.#count;
    const failed = this.place(node);
    this.#count = start;
    return failed === undefined;
  }

  /** Finds a slot for every request, or returns the first request that did not fit. */
  place(node: number): VolumeRequest | undefined {
    const requests = this.#requests;
    // Most pods have one volume, and most calls are about thousands of nodes.
    if (requests.length === 1) {
      const row = this.choose(node, 0);
      if (row === NONE) return requests[0];
      this.#push(row);
      return undefined;
    }
    const start = this.#count;
    let failed = this.#placeInOrder(node);
    this.#unplan(start);
    if (!failed) return undefined;
    this.#count = start;
    if (this.#mayPackBetter(node) && this.#pack(node, 0)) failed = undefined;
    this.#unplan(start);
    return failed;
  }

  /**
   * The row for the request `j` alone; NONE when no slot has room. Ties go to the first, so that equal calls give
   * equal answers.
   */
  choose(node: number, j: number): number {
    const request = this.#requests[j]!;
    if (request.kind !== 'LVM') return this.#chooseUnit(node, request);
    const { extent, firstGroup, floating, free, groupName, nextGroup, planned, refusedFrom } = this.#columns;
    const group = this.#groups[j]!;
    const { strategy, ignoreFloating } = this.#rules;
    const { size } = request;
    let best = NONE;
    let bestRoom = 0;
    for (let row = firstGroup[node]!; row >= 0; row = nextGroup[row]!) {
      if (group !== ANY_GROUP && groupName[row] !== group) continue;
      const room = free[row]! - planned[row]! + (ignoreFloating ? floating[row]! : 0);
      const amount = wholeExtents(size, extent[row]!);
      if (room < amount || amount >= refusedFrom[row]!) continue;
      if (best !== NONE && (strategy === 'binpack' ? room >= bestRoom : room <= bestRoom)) continue;
      best = row;
      bestRoom = room;
    }
    return best;
  }

  /** Why the request `j` has no room on the node, even alone. */
  whyNot(node: number, j: number): WhyNot {
    const request = this.#requests[j]!;
    if (request.kind === 'LVM') return this.#whyNoGroup(node, j);
    let why: WhyNot = 'absent';
    for (const row of this.#unitRows(node, request)) {
      if (this.#isRefused(row, j)) return 'refused';
      why = 'full';
    }
    return why;
  }

  /** Makes no array: it is asked about every node that is refused. */
  #whyNoGroup(node: number, j: number): WhyNot {
    const { firstGroup, groupName, nextGroup } = this.#columns;
    const group = this.#groups[j]!;
    let why: WhyNot = 'absent';
    for (let row = firstGroup[node]!; row >= 0; row = nextGroup[row]!) {
      if (group !== ANY_GROUP && groupName[row] !== group) continue;
      if (this.#isRefused(row, j)) return 'refused';
      why = 'full';
    }
    return why;
  }

  /** There is room by the numbers, and the node could not make such a volume there. */
  #isRefused(row: number, j: number): boolean {
    const amount = this.#amount(row, j);
    return amount >= this.#columns.refusedFrom[row]! && this.#roomIn(row) >= amount;
  }

  #chooseUnit(node: number, request: VolumeRequest): number {
    if (this.#columns.unitCount[node] === 0) return NONE;
    const { units } = this.#cluster.node(node);
    return units.find((unit) => suits(unit, request) && this.#roomIn(unit.row) >= 1 && !unit.refuses(1))?.row ?? NONE;
  }

  #roomIn(row: number): number {
    const { free, planned, floating } = this.#columns;
    const room = free[row]! - planned[row]!;
    return this.#rules.ignoreFloating ? room + floating[row]! : room;
  }

  #placeInOrder(node: number): VolumeRequest | undefined {
    for (let j = 0; j < this.#requests.length; j += 1) {
      const row = this.choose(node, j);
      if (row === NONE) return this.#requests[j];
      this.#plan(row, j);
    }
    return undefined;
  }

  #plan(row: number, j: number): void {
    this.#columns.planned[row]! += this.#amount(row, j);
    this.#push(row);
  }

  #unplan(start: number): void {
    for (let at = start; at < this.#count; at += 1) {
      const row = this.#found[at]!;
      this.#columns.planned[row]! -= this.#amount(row, at - start);
    }
  }

  #amount(row: number, j: number): number {
    return this.#columns.amountFor(row, this.#requests[j]!.size);
  }

  #push(row: number): void {
    if (this.#count === this.#found.length) throw new Error('a search found room on more nodes than it was made for');
    this.#found[this.#count++] = row;
  }

  /**
   * With several groups and two or more volumes that may go to any, another order may fit where the best group for
   * each did not.
   */
  #mayPackBetter(node: number): boolean {
    const first = this.#columns.firstGroup[node]!;
    if (first === NONE || this.#columns.nextGroup[first] === NONE) return false;
    return this.#requests.filter(({ kind, vgName }) => kind === 'LVM' && vgName === undefined).length > 1;
  }

  /** Depth first, fullest group first. Leaves its plan in place when it finds one. */
  #pack(node: number, j: number): boolean {
    if (j === this.#requests.length) return true;
    for (const row of this.#rowsFor(node, j)) {
      if (this.#budget.turns <= 0) return false;
      this.#budget.turns -= 1;
      this.#plan(row, j);
      if (this.#pack(node, j + 1)) return true;
      this.#count -= 1;
      this.#columns.planned[row]! -= this.#amount(row, j);
    }
    return false;
  }

  #rowsFor(node: number, j: number): number[] {
    if (this.#requests[j]!.kind !== 'LVM') return [this.choose(node, j)].filter((row) => row !== NONE);
    const rows = this.#groupRows(node, j).filter((row) => {
      const amount = this.#amount(row, j);
      return this.#roomIn(row) >= amount && amount < this.#columns.refusedFrom[row]!;
    });
    return rows.toSorted((a, b) => this.#roomIn(a) - this.#roomIn(b));
  }

  /** The groups of the node that the request `j` may go to, full or not. */
  #groupRows(node: number, j: number): number[] {
    const { firstGroup, groupName, nextGroup } = this.#columns;
    const group = this.#groups[j]!;
    const rows: number[] = [];
    for (let row = firstGroup[node]!; row >= 0; row = nextGroup[row]!)
      if (group === ANY_GROUP || groupName[row] === group) rows.push(row);
    return rows;
  }

  #unitRows(node: number, request: VolumeRequest): number[] {
    if (this.#columns.unitCount[node] === 0) return [];
    const { units } = this.#cluster.node(node);
    return units.filter((unit) => suits(unit, request)).map(({ row }) => row);
  }
}

/** The slot for one volume; undefined when none has room. */
export function chooseSlot(
  cluster: Cluster,
  node: NodeRoom,
  request: VolumeRequest,
  rules: PlacingRules,
): Slot | undefined {
  const row = new PlaceSearch(cluster, [request], { ...rules, budget: { turns: 0 } }).choose(node.number, 0);
  return row === NONE ? undefined : cluster.slot(row);
}

/** Whether this very slot could take the volume now. */
export function serves(slot: Slot, request: VolumeRequest): boolean {
  const amount = slot.amountFor(request.size);
  if (slot.kind !== request.kind || slot.free - slot.planned < amount || slot.refuses(amount)) return false;
  if (slot.kind === 'LVM') return request.vgName === undefined || request.vgName === slot.name;
  return suits(slot as UnitSlot, request);
}

/**
 * The right kind and medium, and large enough. A node has its units smallest first, so the first that suits wastes
 * least.
 */
export function suits(unit: UnitSlot, { kind, mediaType, size }: VolumeRequest): boolean {
  if (unit.kind !== kind || unit.facts === undefined || unit.facts.size < size) return false;
  return mediaType === undefined || unit.facts.mediaType === mediaType;
}
