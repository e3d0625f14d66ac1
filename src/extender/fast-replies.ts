import type { Refusal } from '../model/verdict.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { NameList } from './name-list.ts';
import type { Reply } from './question.ts';

/** Names as they stand in a request: replies are made from the same bytes. */
export interface ListedNames {
  readonly list: NameList;
  /** From the list's beginning to at least PAST_LIST bytes past its end. */
  readonly view: DataView;
}

/** An answer to filter, and its list of nodes that fit: what prioritize will bring. */
export interface FilterReply extends Reply {
  readonly fitting: { readonly list: NameList; readonly bytes: Buffer };
}

/** Puts replies together from prepared pieces; the texts are those of wire-general.ts, byte for byte. */
export interface FastReplies {
  /** `list` is the inside of the list of names, as it came. */
  allFit(list: Buffer): Reply;
  verdict(asked: ListedNames, refusals: readonly (Refusal | undefined)[]): FilterReply;
  scores(asked: ListedNames, scores: ArrayLike<number>): Reply;
}

const HEAD = pieceOf('{"Nodes":null,"NodeNames":[');
const FAILED = pieceOf('],"FailedNodes":{');
const UNRESOLVABLE = pieceOf('},"FailedAndUnresolvableNodes":{');
const TAIL = pieceOf('},"Error":""}');
const OPEN = pieceOf('[');
const CLOSE = pieceOf(']');
const HOST = pieceOf('{"Host":');
/** Scores are 0 to 10. */
const SCORES = Array.from({ length: 11 }, (_, score) => pieceOf(`,"Score":${score}},`));
const LONGEST_SCORE = SCORES[10]!.length;

/** What is around the lists, the comma after the last entry, and up to seven bytes that a last word writes too far. */
const FRAME = HEAD.length + FAILED.length + UNRESOLVABLE.length + TAIL.length + 8;

/** Replies in buffers of the pool. */
export function createFastReplies(pool: BufferPool): FastReplies {
  /** `:"message",` of every refusal seen: the ledger gives equal ones as one object. */
  const messages = new WeakMap<Refusal, Piece>();
  const messageOf = (refusal: Refusal): Piece => {
    const known = messages.get(refusal);
    if (known) return known;
    const made = pieceOf(`:${JSON.stringify(refusal.message)},`);
    messages.set(refusal, made);
    return made;
  };
  const page = (bytes: number): Page => {
    const buffer = pool.take(bytes);
    return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length) };
  };
  const reply = ({ buffer }: Page, to: number): Reply => ({
    bytes: buffer.subarray(0, to),
    release: () => pool.give(buffer),
  });

  return {
    allFit: (list) => {
      const on = page(FRAME + list.length);
      let at = put(on.view, 0, HEAD);
      at += list.copy(on.buffer, at);
      for (const part of [FAILED, UNRESOLVABLE, TAIL]) at = put(on.view, at, part);
      return reply(on, at);
    },
    verdict: (asked, refusals) => {
      const sorted = sortOut(refusals, asked.list.count, messageOf);
      const on = page(FRAME + asked.list.bytes + sorted.messageBytes);
      const from = put(on.view, 0, HEAD);
      const { list, to } = putNames(on.view, from, asked, sorted.fitting);
      let at = put(on.view, to, FAILED);
      at = putRefused(on.view, at, asked, sorted.failed);
      at = put(on.view, at, UNRESOLVABLE);
      at = putRefused(on.view, at, asked, sorted.unresolvable);
      at = put(on.view, at, TAIL);
      return { ...reply(on, at), fitting: { list, bytes: on.buffer.subarray(from, to) } };
    },
    scores: (asked, scores) => {
      const on = page(FRAME + asked.list.bytes + asked.list.count * (HOST.length + LONGEST_SCORE));
      const at = putScores(on.view, put(on.view, 0, OPEN), asked, scores);
      return reply(on, put(on.view, at, CLOSE));
    },
  };
}

/** A text as words of eight bytes, the last one padded, and its length in bytes. */
interface Piece {
  readonly words: BigInt64Array;
  readonly length: number;
}

/** What is being written. */
interface Page {
  readonly buffer: Buffer;
  readonly view: DataView;
}

/** Refused nodes: the position of each, and its message beside it. */
interface Refused {
  readonly positions: number[];
  readonly messages: Piece[];
}

interface Sorted {
  /** Positions of the nodes that fit. */
  readonly fitting: readonly number[];
  readonly failed: Refused;
  readonly unresolvable: Refused;
  readonly messageBytes: number;
}

/** Which list of the reply each of so many nodes belongs to. */
function sortOut(
  refusals: readonly (Refusal | undefined)[],
  count: number,
  messageOf: (refusal: Refusal) => Piece,
): Sorted {
  const fitting: number[] = [];
  const failed: Refused = { positions: [], messages: [] };
  const unresolvable: Refused = { positions: [], messages: [] };
  let messageBytes = 0;
  let last: Refusal | undefined;
  let message = HEAD;
  for (let i = 0; i < count; i++) {
    const refusal = refusals[i];
    if (!refusal) {
      fitting.push(i);
      continue;
    }
    if (refusal !== last) message = messageOf(refusal);
    last = refusal;
    messageBytes += message.length;
    const list = refusal.unresolvable ? unresolvable : failed;
    list.positions.push(i);
    list.messages.push(message);
  }
  return { fitting, failed, unresolvable, messageBytes };
}

/** Returns the list that was put, and where it ends. */
function putNames(
  to: DataView,
  from: number,
  { view, list }: ListedNames,
  positions: readonly number[],
): { readonly list: NameList; readonly to: number } {
  if (positions.length === list.count) return { list, to: from + copyAll(to, from, view, list.bytes) };
  const { starts } = list;
  const fittingStarts = new Int32Array(positions.length + 1);
  let at = from;
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    const start = starts[position]!;
    at = putBytes(to, at, view, start, starts[position + 1]! - start);
    fittingStarts[i + 1] = at - from;
  }
  return { list: list.pick(positions, fittingStarts), to: withoutComma(from, at) };
}

function putRefused(to: DataView, from: number, { view, list }: ListedNames, { positions, messages }: Refused): number {
  const { starts } = list;
  let at = from;
  for (let i = 0; i < positions.length; i++) {
    const start = starts[positions[i]!]!;
    at = putBytes(to, at, view, start, starts[positions[i]! + 1]! - start - 1);
    at = put(to, at, messages[i]!);
  }
  return withoutComma(from, at);
}

function putScores(to: DataView, from: number, { view, list }: ListedNames, scores: ArrayLike<number>): number {
  const { starts, count } = list;
  let at = from;
  for (let i = 0; i < count; i++) {
    const start = starts[i]!;
    at = put(to, at, HOST);
    at = putBytes(to, at, view, start, starts[i + 1]! - start - 1);
    at = put(to, at, SCORES[scores[i]!] ?? SCORES[0]!);
  }
  return withoutComma(from, at);
}

/** Where a list ends that began at `from`: before the comma after its last entry. */
const withoutComma = (from: number, at: number): number => (at > from ? at - 1 : at);

/** Whole words, so up to seven bytes too many, which the next piece overwrites. Returns where the text ends. */
function put(to: DataView, at: number, { words, length }: Piece): number {
  for (let i = 0; i < words.length; i++) to.setBigInt64(at + 8 * i, words[i]!, true);
  return at + length;
}

/** As `put`, from a request: for forty bytes this is several times cheaper than a call of `Buffer.copy`. */
function putBytes(to: DataView, at: number, from: DataView, start: number, length: number): number {
  for (let done = 0; done < length; done += 8) to.setBigInt64(at + done, from.getBigInt64(start + done, true), true);
  return at + length;
}

/** The whole list, in one move. Returns its length. */
function copyAll(to: DataView, at: number, from: DataView, bytes: number): number {
  const length = Math.max(bytes - 1, 0);
  new Uint8Array(to.buffer, to.byteOffset + at, length).set(new Uint8Array(from.buffer, from.byteOffset, length));
  return length;
}

function pieceOf(text: string): Piece {
  const bytes = Buffer.from(text);
  const padded = Buffer.alloc(8 * Math.ceil(bytes.length / 8));
  bytes.copy(padded);
  const words = BigInt64Array.from({ length: padded.length / 8 }, (_, i) => padded.readBigInt64LE(8 * i));
  return { words, length: bytes.length };
}
