/**
 * Node names as prepared bytes. kube-scheduler sends the same few thousand names with every pod, so each is kept once: as a string
 * for whoever asks about it, and as the words of `"name",` to recognise it in a request and to write it into a reply.
 *
 * A record in `words` is a header and then those words, little-endian, the last one padded with zeros. A ref is the index of a
 * record's first word. Refs stay good for the table's life; nothing is ever removed, so a table that is full is thrown away whole.
 */

/** The list of names in one request. */
export interface NameList {
  readonly names: readonly string[];
  /** Where each name's record is in the table's words. */
  readonly refs: Int32Array;
}

/** More nodes than Kubernetes supports, several times over. */
const MAX_NAMES = 65_536;
/** A node's name is a DNS subdomain: 253 characters at most. */
const MAX_QUOTED = 255;
/** Collisions come from chance only, as the hash is seeded; a caller that finds more is not worth serving fast. */
const MAX_PROBES = 64;

const HEADER = 5;
/** In the header, counted back from the ref: the length of `"name"` in bytes, … */
const LENGTH = 1;
/** … the name's index in `strings`, … */
const INDEX = 2;
const HASH = 3;
/** … the number of the request in which it was seen last, … */
const SEEN = 4;
/** … and the ref of the name that followed it last time: the scheduler walks its nodes in nearly the same order each time. */
const NEXT = 5;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** 1 for a byte that stands for itself within any JSON string: printable ASCII but the quote and the backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

export class NameTable {
  /** Public for the loops that write replies. Replaced when it grows: read it anew after `read`. */
  words = new Int32Array(16_384);
  readonly #strings: string[] = [];
  #slots = new Int32Array(2048);
  /** The first record stands for the beginning of the list: it has no name, only a successor. */
  readonly #start = HEADER;
  #top = HEADER;
  #requests = 0;
  readonly #seed: number;
  readonly #found = new Int32Array(MAX_NAMES);
  #shortest = MAX_QUOTED;
  #longest = 0;
  #hash = 0;

  /** A `seed` nobody can guess keeps a caller from choosing names that collide. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  isFull(): boolean {
    return this.#strings.length >= MAX_NAMES;
  }

  /** Length in bytes of `"name"`, without the comma that follows it in `words`. */
  lengthOf(ref: number): number {
    return this.words[ref - LENGTH]!;
  }

  /**
   * Reads `"a","b"` between two offsets, without white space or escapes; undefined for anything else, also when a name comes twice
   * or is too long. The view must reach at least 3 bytes past `to`.
   */
  read(view: DataView, from: number, to: number): NameList | undefined {
    const found = this.#found;
    const request = (this.#requests = (this.#requests + 1) | 0);
    let ref = this.#start;
    let count = 0;
    let at = from;
    while (at < to) {
      const previous = ref;
      ref = this.words[previous - NEXT]!;
      if (ref === 0 || !this.#isAt(ref, view, at, to)) {
        ref = this.#find(view, at, to);
        if (ref === 0) return undefined;
        this.words[previous - NEXT] = ref;
      }
      if (this.words[ref - SEEN] === request) return undefined;
      this.words[ref - SEEN] = request;
      found[count++] = ref;
      at += this.words[ref - LENGTH]!;
      if (at < to && (view.getUint8(at++) !== COMMA || at === to)) return undefined;
    }
    return this.#list(count);
  }

  #list(count: number): NameList {
    const refs = this.#found.slice(0, count);
    const { words } = this;
    const strings = this.#strings;
    const names = Array.from<string>({ length: count });
    for (let i = 0; i < count; i++) names[i] = strings[words[refs[i]! - INDEX]!]!;
    return { names, refs };
  }

  /** Whether the record's `"name"` is what stands at the offset. */
  #isAt(ref: number, view: DataView, at: number, to: number): boolean {
    const { words } = this;
    const length = words[ref - LENGTH]!;
    if (at + length > to) return false;
    const whole = length >> 2;
    for (let i = 0; i < whole; i++) if (words[ref + i] !== view.getInt32(at + 4 * i, true)) return false;
    const rest = length & 3;
    return rest === 0 || (words[ref + whole]! ^ view.getInt32(at + 4 * whole, true)) << (32 - 8 * rest) === 0;
  }

  /** The ref of the name at the offset, which is added when it is new; 0 when there is no plain name. */
  #find(view: DataView, at: number, to: number): number {
    const guess = this.#guessLength(view, at, to);
    const known = guess === 0 ? 0 : this.#lookUp(view, at, guess, to);
    if (known > 0) return known;

    const length = plainLength(view, at, to);
    if (length === 0 || length > MAX_QUOTED) return 0;
    const ref = length === guess ? known : this.#lookUp(view, at, length, to);
    return ref === 0 ? this.#add(view, at, length) : Math.max(ref, 0);
  }

  /** Names differ little in length: the closing quote is looked for only where a known name could have it. */
  #guessLength(view: DataView, at: number, to: number): number {
    const last = Math.min(to, at + this.#longest) - 1;
    let end = at + this.#shortest - 1;
    while (end <= last && view.getUint8(end) !== QUOTE) end++;
    return end <= last ? end - at + 1 : 0;
  }

  /** The ref of a known name, 0 for an unknown one, -1 after too many collisions. Leaves the hash for `#add`. */
  #lookUp(view: DataView, at: number, length: number, to: number): number {
    const hash = this.#hashAt(view, at, length);
    const slots = this.#slots;
    const mask = slots.length - 1;
    this.#hash = hash;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const ref = slots[(hash + probe) & mask]!;
      if (ref === 0) return 0;
      if (this.words[ref - LENGTH] === length && this.#isAt(ref, view, at, to)) return ref;
    }
    return -1;
  }

  /** Two lanes, so that one multiplication need not wait for the other. */
  #hashAt(view: DataView, at: number, length: number): number {
    const whole = length >> 2;
    let even = this.#seed ^ length;
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

  #add(view: DataView, at: number, length: number): number {
    if (this.isFull()) return 0;
    const ref = this.#top + HEADER;
    const whole = length >> 2;
    this.#top = ref + whole + 1;
    if (this.#top > this.words.length) this.words = grown(this.words);
    const { words } = this;
    for (let i = 0; i < whole; i++) words[ref + i] = view.getInt32(at + 4 * i, true);
    const bits = 8 * (length & 3);
    const rest = bits === 0 ? 0 : view.getInt32(at + 4 * whole, true) & ((1 << bits) - 1);
    words[ref + whole] = rest | (COMMA << bits);
    words[ref - LENGTH] = length;
    words[ref - HASH] = this.#hash;
    words[ref - INDEX] = this.#strings.length;
    this.#strings.push(Buffer.from(view.buffer, view.byteOffset + at + 1, length - 2).toString('latin1'));
    this.#shortest = Math.min(this.#shortest, length);
    this.#longest = Math.max(this.#longest, length);
    this.#place(ref);
    return ref;
  }

  #place(ref: number): void {
    if (this.#strings.length * 2 > this.#slots.length) this.#rehash();
    else putInto(this.#slots, ref, this.words[ref - HASH]!);
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    for (let ref = this.#start + HEADER; ref < this.#top; ref += (this.words[ref - LENGTH]! >> 2) + 1 + HEADER)
      putInto(slots, ref, this.words[ref - HASH]!);
    this.#slots = slots;
  }
}

function putInto(slots: Int32Array, ref: number, hash: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = ref;
}

function grown(words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words.length * 2);
  larger.set(words);
  return larger;
}

/** Whether `"a","b"` stands between the offsets, as `NameTable.read` wants it but for length and repetition. No quote may follow. */
export function isPlainList(bytes: Uint8Array, from: number, to: number): boolean {
  if (from === to) return true;
  let at = from;
  for (;;) {
    if (bytes[at++] !== QUOTE) return false;
    while (PLAIN[bytes[at]!] === 1) at++;
    if (bytes[at++] !== QUOTE) return false;
    if (at === to) return true;
    if (bytes[at++] !== COMMA) return false;
  }
}

/** Bytes of a quoted name of plain bytes, with its quotes; 0 when there is none. */
function plainLength(view: DataView, at: number, to: number): number {
  if (view.getUint8(at) !== QUOTE) return 0;
  for (let end = at + 1; end < to; end++) {
    const byte = view.getUint8(end);
    if (byte === QUOTE) return end - at + 1;
    if (PLAIN[byte] === 0) return 0;
  }
  return 0;
}
