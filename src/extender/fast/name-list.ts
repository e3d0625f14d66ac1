import type { AskedNodes, NodeNumbering } from '../../model/verdict.ts';

/** Every name that a table has learned. It only grows. */
export interface KnownNames {
  readonly strings: readonly string[];
  /** The number of each name, by its index. */
  numbersBy(numbering: NodeNumbering): Int32Array;
}

/** A list of names as they stood in a request. The strings themselves are seldom needed. */
export class NameList implements AskedNodes {
  /** Index of each name among the known ones. */
  readonly indexes: Int32Array;
  /** Where each `"name"` begins, in bytes from the list's beginning; one more entry says where the next would. */
  readonly starts: Int32Array;
  readonly numbers?: () => Int32Array;
  readonly #known: KnownNames;
  readonly #numbering: NodeNumbering | undefined;
  #names: readonly string[] | undefined;

  constructor(known: KnownNames, indexes: Int32Array, starts: Int32Array, numbering: NodeNumbering | undefined) {
    this.indexes = indexes;
    this.starts = starts;
    this.#known = known;
    this.#numbering = numbering;
    if (numbering) this.numbers = () => this.#numbers(numbering);
  }

  get count(): number {
    return this.indexes.length;
  }

  /** Bytes of the list with a comma after the last name. */
  get bytes(): number {
    return this.starts[this.count]!;
  }

  get names(): readonly string[] {
    this.#names ??= Array.from(this.indexes, (index) => this.#known.strings[index]!);
    return this.#names;
  }

  /** The names at these positions, which begin at `starts` in a list of their own. */
  pick(positions: ArrayLike<number>, starts: Int32Array): NameList {
    const indexes = new Int32Array(positions.length);
    for (let i = 0; i < positions.length; i++) indexes[i] = this.indexes[positions[i]!]!;
    return new NameList(this.#known, indexes, starts, this.#numbering);
  }

  #numbers(numbering: NodeNumbering): Int32Array {
    const all = this.#known.numbersBy(numbering);
    const numbers = new Int32Array(this.count);
    for (let i = 0; i < numbers.length; i++) numbers[i] = all[this.indexes[i]!]!;
    return numbers;
  }
}
