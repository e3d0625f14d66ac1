import type { Refusal } from '../model/verdict.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { NameList, NameTable } from './name-table.ts';
import type { Reply } from './question.ts';

/** Names of one question, and the table they are in. */
export interface ListedNames extends NameList {
  readonly table: NameTable;
}

/** An answer to filter, and where in it the names that fit stand, without the brackets. */
export interface FilterReply extends Reply {
  readonly from: number;
  readonly to: number;
}

/** Puts replies together from prepared words; the texts are those of wire-general.ts, byte for byte. */
export interface FastReplies {
  /** `list` is the inside of the list of names, as it came. */
  allFit(list: Buffer): FilterReply;
  verdict(asked: ListedNames, refusals: readonly (Refusal | undefined)[]): FilterReply;
  scores(asked: ListedNames, scores: ArrayLike<number>): Reply;
}

/** A text as words of four bytes, the last one padded, and its length in bytes. */
interface Fragment {
  readonly words: Int32Array;
  readonly length: number;
}

const HEAD = fragment('{"Nodes":null,"NodeNames":[');
const FAILED = fragment('],"FailedNodes":{');
const UNRESOLVABLE = fragment('},"FailedAndUnresolvableNodes":{');
const TAIL = fragment('},"Error":""}');
const OPEN = fragment('[');
const CLOSE = fragment(']');
const HOST = fragment('{"Host":');
/** Scores are 0 to 10. */
const SCORES = Array.from({ length: 11 }, (_, score) => fragment(`,"Score":${score}},`));
const LONGEST_SCORE = SCORES[10]!.length;

/** What is around the lists, and up to three bytes that the last word writes too far. */
const FRAME = HEAD.length + FAILED.length + UNRESOLVABLE.length + TAIL.length + 4;

/** Replies in buffers of the pool. */
export function createFastReplies(pool: BufferPool): FastReplies {
  /** `:"message",` of every refusal seen: the ledger shares them between nodes and calls. */
  const messages = new WeakMap<Refusal, Fragment>();
  const messageOf = (refusal: Refusal): Fragment => {
    const known = messages.get(refusal);
    if (known) return known;
    const made = fragment(`:${JSON.stringify(refusal.message)},`);
    messages.set(refusal, made);
    return made;
  };

  return {
    allFit: (list) => {
      const out = new Writer(pool, FRAME + list.length);
      out.put(HEAD);
      const from = out.at;
      out.putBytes(list);
      return finishFilter(out, from);
    },
    verdict: (asked, refusals) => {
      const out = new Writer(pool, FRAME + bytesFor(asked, refusals, messageOf));
      out.put(HEAD);
      const from = out.at;
      out.putNames(asked, refusals);
      const to = out.dropComma(from);
      out.put(FAILED);
      out.putRefused(asked, refusals, { unresolvable: false, messageOf });
      out.put(UNRESOLVABLE);
      out.putRefused(asked, refusals, { unresolvable: true, messageOf });
      out.put(TAIL);
      return { ...out.reply(), from, to };
    },
    scores: (asked, scores) => {
      const out = new Writer(
        pool,
        FRAME + bytesFor(asked, [], messageOf) + asked.refs.length * (HOST.length + LONGEST_SCORE),
      );
      out.put(OPEN);
      out.putScores(asked, scores);
      out.put(CLOSE);
      return out.reply();
    },
  };
}

function finishFilter(out: Writer, from: number): FilterReply {
  const to = out.at;
  for (const part of [FAILED, UNRESOLVABLE, TAIL]) out.put(part);
  return { ...out.reply(), from, to };
}

type MessageOf = (refusal: Refusal) => Fragment;

/** Bytes of all names with a separator each, and of the refused nodes' messages. */
function bytesFor(
  { table, refs }: ListedNames,
  refusals: readonly (Refusal | undefined)[],
  messageOf: MessageOf,
): number {
  let bytes = 0;
  let last: Refusal | undefined;
  let lastLength = 0;
  for (let i = 0; i < refs.length; i++) {
    bytes += table.lengthOf(refs[i]!) + 1;
    const refusal = refusals[i];
    if (!refusal) continue;
    if (refusal !== last) lastLength = messageOf(refusal).length;
    last = refusal;
    bytes += lastLength;
  }
  return bytes;
}

class Writer {
  readonly #pool: BufferPool;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  at = 0;

  constructor(pool: BufferPool, bytes: number) {
    this.#pool = pool;
    this.#buffer = pool.take(bytes);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.length);
  }

  reply(): Reply {
    const [pool, buffer] = [this.#pool, this.#buffer];
    return { bytes: buffer.subarray(0, this.at), release: () => pool.give(buffer) };
  }

  put({ words, length }: Fragment): void {
    this.#words(words, 0, length);
  }

  putBytes(bytes: Buffer): void {
    bytes.copy(this.#buffer, this.at);
    this.at += bytes.length;
  }

  putNames({ table, refs }: ListedNames, refusals: readonly (Refusal | undefined)[]): void {
    const { words } = table;
    for (let i = 0; i < refs.length; i++) {
      if (!refusals[i]) this.#words(words, refs[i]!, table.lengthOf(refs[i]!) + 1);
    }
  }

  putRefused(
    { table, refs }: ListedNames,
    refusals: readonly (Refusal | undefined)[],
    { unresolvable, messageOf }: { unresolvable: boolean; messageOf: MessageOf },
  ): void {
    const { words } = table;
    const from = this.at;
    let last: Refusal | undefined;
    let message = HEAD;
    for (let i = 0; i < refs.length; i++) {
      const refusal = refusals[i];
      if (refusal?.unresolvable !== unresolvable) continue;
      if (refusal !== last) message = messageOf(refusal);
      last = refusal;
      this.#words(words, refs[i]!, table.lengthOf(refs[i]!));
      this.#words(message.words, 0, message.length);
    }
    this.dropComma(from);
  }

  putScores({ table, refs }: ListedNames, scores: ArrayLike<number>): void {
    const { words } = table;
    const from = this.at;
    for (let i = 0; i < refs.length; i++) {
      this.put(HOST);
      this.#words(words, refs[i]!, table.lengthOf(refs[i]!));
      this.put(SCORES[scores[i]!] ?? SCORES[0]!);
    }
    this.dropComma(from);
  }

  /** Takes back the comma after the last entry of a list that began at `from`; returns where the list ends. */
  dropComma(from: number): number {
    if (this.at > from) this.at--;
    return this.at;
  }

  /** Whole words, so up to three bytes too many, which the next words overwrite. */
  #words(words: Int32Array, from: number, length: number): void {
    const view = this.#view;
    const { at } = this;
    const count = (length + 3) >> 2;
    for (let i = 0; i < count; i++) view.setInt32(at + 4 * i, words[from + i]!, true);
    this.at = at + length;
  }
}

function fragment(text: string): Fragment {
  const bytes = Buffer.from(text);
  const padded = Buffer.alloc(4 * Math.ceil(bytes.length / 4));
  bytes.copy(padded);
  const words = Int32Array.from({ length: padded.length / 4 }, (_, i) => padded.readInt32LE(4 * i));
  return { words, length: bytes.length };
}
