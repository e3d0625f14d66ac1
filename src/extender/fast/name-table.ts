import type { NodeNumbering } from '../../model/verdict.ts';
import { NameList, type KnownNames } from './name-list.ts';

/** More nodes than Kubernetes supports, several times over. */
const MAX_NAMES = 65_536;
/** A node's name is a DNS subdomain: 253 characters at most. */
const MAX_QUOTED = 255;
/** Collisions come from chance only, as the hash is seeded; a caller that finds more is not worth serving fast. */
const MAX_PROBES = 64;

/** Words of a header. */
const HEADER = 2;
/** In the header, in integers counted back from twice the ref: the length of `"name"` in bytes, … */
const LENGTH = 1;
/** … the name's index in `strings`, … */
const INDEX = 2;
/** … and its hash. */
const HASH = 3;

/** This many bytes behind a list are read as parts of words, and ignored: they must exist. */
export const PAST_LIST = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** 1 for a byte that stands for itself within any JSON string: printable ASCII but the quote and the backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
const FOUR_QUOTES = 0x22222222;
/** For a word of which only so many bytes count, 0 to 7. */
const MASKS = BigInt64Array.from({ length: 8 }, (_, bytes) => (1n << BigInt(8 * bytes)) - 1n);

/**
 * Node names that are known by their bytes. kube-scheduler sends the same few thousand names with every pod, so they
 * are recognised by their bytes, eight at a time, instead of being parsed. (V8 compares and copies 64-bit integers
 * without making BigInts of them.)
 *
 * A record is a header of small integers and then the bytes of `"name"` as little-endian words of eight; `words` and
 * `integers` are the same memory. A ref is the index of a record's first word. Nothing is ever removed: a table that is
 * full is thrown away whole.
 */
export class NameTable implements KnownNames {
  readonly strings: string[] = [];
  readonly #seed: number;
  readonly #numbering: NodeNumbering | undefined;
  #words = new BigInt64Array(8192);
  #integers = new Int32Array(this.#words.buffer);
  #top = 0;
  /** Refs by hash, open addressing; 0 is free. */
  #slots = new Int32Array(2048);
  readonly #starts = new Int32Array(MAX_NAMES + 1);
  /** By a name's index, the number of the request in which it was seen last. */
  readonly #seen = new Int32Array(MAX_NAMES);
  #requests = 0;
  /** Bytes of the shortest `"name"`. */
  #shortest = MAX_QUOTED;

  #numbers = new Int32Array(0);
  #numbersOf = { epoch: -1, count: 0 };

  /** A `seed` nobody can guess keeps a caller from choosing names that collide. */
  constructor(seed: number, numbering?: NodeNumbering) {
    this.#seed = seed;
    this.#numbering = numbering;
  }

  isFull(): boolean {
    return this.strings.length >= MAX_NAMES;
  }

  numbersBy(numbering: NodeNumbering): Int32Array {
    const { strings } = this;
    const { epoch } = numbering;
    if (this.#numbersOf.epoch === epoch && this.#numbersOf.count === strings.length) return this.#numbers;
    this.#numbers = Int32Array.from(strings, (name) => numbering.numberOf(name));
    this.#numbersOf = { epoch, count: strings.length };
    return this.#numbers;
  }

  /**
   * Reads the first `length` bytes of the view, `"a","b"` without white space or escapes; undefined for anything else,
   * also when a name comes twice or is too long. The view must have PAST_LIST bytes more.
   */
  read(view: DataView, length: number): NameList | undefined {
    return this.#readKnown(view, length) ?? (this.#learn(view, length) ? this.#readKnown(view, length) : undefined);
  }

  /**
   * The list, when every name in it is known. First all quotes are found and then all names are looked up, instead of
   * one after the other, so that the processor works on several names at once.
   */
  #readKnown(view: DataView, length: number): NameList | undefined {
    const count = this.#findStarts(view, length);
    if (count < 0) return undefined;
    const starts = this.#starts;
    const seen = this.#seen;
    const integers = this.#integers;
    const known = { words: this.#words, integers, slots: this.#slots, seed: this.#seed, view };
    const request = (this.#requests = (this.#requests + 1) | 0);
    const indexes = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const start = starts[i]!;
      const next = starts[i + 1]!;
      const ref = lookUp(known, start, next - 1 - start);
      if (ref <= 0 || (next <= length && view.getUint8(next - 1) !== COMMA)) return undefined;
      const index = integers[2 * ref - INDEX]!;
      if (seen[index] === request) return undefined;
      seen[index] = request;
      indexes[i] = index;
    }
    return new NameList(this, indexes, starts.slice(0, count + 1), this.#numbering);
  }

  /**
   * Where the names begin if all of them are known: a closing quote is looked for only from where the shortest name has
   * it. Returns how many there are, or -1.
   */
  #findStarts(view: DataView, length: number): number {
    const starts = this.#starts;
    const skip = this.#shortest - 1;
    let count = 0;
    let at = 0;
    while (at < length) {
      if (count === MAX_NAMES) return -1;
      starts[count++] = at;
      const quote = findQuote(view, at + skip, length);
      if (quote < 0) return -1;
      at = quote + 2;
    }
    starts[count] = at;
    return count === 0 || at === length + 1 ? count : -1;
  }

  /** Adds the names that are new. False when something is not as it must be. */
  #learn(view: DataView, length: number): boolean {
    let at = 0;
    while (at < length) {
      const quoted = plainLength(view, at, length);
      if (quoted === 0 || quoted > MAX_QUOTED) return false;
      const known = { words: this.#words, integers: this.#integers, slots: this.#slots, seed: this.#seed, view };
      const ref = lookUp(known, at, quoted);
      if (ref < 0 || (ref === 0 && !this.#add(view, at, quoted))) return false;
      at += quoted;
      if (at < length && (view.getUint8(at++) !== COMMA || at === length)) return false;
    }
    return true;
  }

  #add(view: DataView, at: number, length: number): boolean {
    if (this.isFull()) return false;
    const ref = this.#top + HEADER;
    const count = (length >> 3) + 1;
    this.#top = ref + count;
    if (this.#top > this.#words.length) this.#grow();
    for (let i = 0; i < count; i++) this.#words[ref + i] = view.getBigInt64(at + 8 * i, true);
    this.#integers[2 * ref - LENGTH] = length;
    this.#integers[2 * ref - INDEX] = this.strings.length;
    this.#integers[2 * ref - HASH] = hashAt(this.#seed, view, at, length);
    this.strings.push(Buffer.from(view.buffer, view.byteOffset + at + 1, length - 2).toString('latin1'));
    this.#shortest = Math.min(this.#shortest, length);
    if (this.strings.length * 2 > this.#slots.length) this.#rehash();
    else this.#insert(ref);
    return true;
  }

  #grow(): void {
    const larger = new BigInt64Array(2 * this.#words.length);
    larger.set(this.#words);
    this.#words = larger;
    this.#integers = new Int32Array(larger.buffer);
  }

  #rehash(): void {
    const integers = this.#integers;
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let ref = HEADER; ref < this.#top; ref += (integers[2 * ref - LENGTH]! >> 3) + 1 + HEADER) this.#insert(ref);
  }

  /** Puts a record that is not there yet into the first free slot for its hash. */
  #insert(ref: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#integers[2 * ref - HASH]! & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = ref;
  }
}

/** The table as one request sees it. */
interface Known {
  readonly words: BigInt64Array;
  readonly integers: Int32Array;
  readonly slots: Int32Array;
  readonly seed: number;
  readonly view: DataView;
}

/** The ref of a known name, so many bytes with its quotes; 0 for an unknown one, -1 after too many collisions. */
function lookUp(known: Known, at: number, length: number): number {
  const { slots, seed, view } = known;
  const mask = slots.length - 1;
  const hash = hashAt(seed, view, at, length);
  for (let probe = 0; probe < MAX_PROBES; probe++) {
    const ref = slots[(hash + probe) & mask]!;
    if (ref === 0 || isAt(known, ref, at, length)) return ref;
  }
  return -1;
}

/** Whether the record's `"name"` is what stands at the offset. */
function isAt({ words, integers, view }: Known, ref: number, at: number, length: number): boolean {
  if (integers[2 * ref - LENGTH] !== length) return false;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (words[ref + i] !== view.getBigInt64(at + 8 * i, true)) return false;
  return ((words[ref + whole]! ^ view.getBigInt64(at + 8 * whole, true)) & MASKS[length & 7]!) === 0n;
}

/** Two lanes, so that one multiplication need not wait for the other. */
function hashAt(seed: number, view: DataView, at: number, length: number): number {
  const whole = length >> 2;
  let even = seed ^ length;
  let odd = even;
  let i = 0;
  for (; i + 1 < whole; i += 2) {
    even = Math.imul(even ^ view.getInt32(at + 4 * i, true), 0x01000193);
    odd = Math.imul(odd ^ view.getInt32(at + 4 * i + 4, true), 0x85ebca6b);
    even ^= even >>> 15;
    odd ^= odd >>> 13;
  }
  if (i < whole) even = Math.imul(even ^ view.getInt32(at + 4 * i, true), 0x01000193);
  const rest = length & 3;
  if (rest !== 0) odd = Math.imul(odd ^ (view.getInt32(at + 4 * whole, true) << (32 - 8 * rest)), 0x85ebca6b);
  const both = Math.imul(even ^ (even >>> 15) ^ odd, 0x2c1b3c6d);
  return both ^ (both >>> 13);
}

/** Where the first quote stands from `from` on, but before `end`; -1 when there is none. */
function findQuote(view: DataView, from: number, end: number): number {
  for (let next = from; next < end; next += 4) {
    const zeroed = view.getInt32(next, true) ^ FOUR_QUOTES;
    const found = (zeroed - 0x01010101) & ~zeroed & 0x80808080; // its lowest bit is in the first byte that is zero
    if (found === 0) continue;
    const quote = next + ((31 - Math.clz32(found & -found)) >> 3);
    return quote < end ? quote : -1;
  }
  return -1;
}

/** Whether the bytes are `"a","b"` as `NameTable.read` wants it, but for length and repetition. */
export function isPlainList(bytes: Uint8Array): boolean {
  const { length } = bytes;
  let at = 0;
  while (at < length) {
    if (bytes[at++] !== QUOTE) return false;
    while (PLAIN[bytes[at]!] === 1) at++;
    if (bytes[at++] !== QUOTE) return false;
    if (at < length && (bytes[at++] !== COMMA || at === length)) return false;
  }
  return true;
}

/** Bytes of a quoted name of plain bytes, with its quotes; 0 when there is none. */
function plainLength(view: DataView, at: number, end: number): number {
  if (view.getUint8(at) !== QUOTE) return 0;
  for (let next = at + 1; next < end; next++) {
    const byte = view.getUint8(next);
    if (byte === QUOTE) return next - at + 1;
    if (PLAIN[byte] === 0) return 0;
  }
  return 0;
}
