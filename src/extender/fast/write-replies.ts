import type { Refusal } from '../../model/verdict.ts';
import type { Reply } from '../wire/question.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { NameList } from './name-list.ts';
import { pieceOf, ReplyPage, type Piece } from './reply-page.ts';

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

/** Puts replies together from prepared pieces; the texts are those of json-wire.ts, byte for byte. */
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

/** Bytes around the lists, and the comma after the last entry. */
const FRAME = HEAD.length + FAILED.length + UNRESOLVABLE.length + TAIL.length + 1;

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

  return {
    allFit: (list) => {
      const page = new ReplyPage(pool, FRAME + list.length);
      page.put(HEAD);
      page.putBuffer(list);
      for (const part of [FAILED, UNRESOLVABLE, TAIL]) page.put(part);
      return page.finish();
    },
    verdict: (asked, refusals) => {
      const { list } = asked;
      const page = new ReplyPage(pool, FRAME + list.bytes + bytesOfMessages(refusals, messageOf));
      page.put(HEAD);
      const fitting = putNames(page, asked, whereItFits(refusals, list.count));
      page.put(FAILED);
      putRefused(page, asked, { refusals, unresolvable: false, messageOf });
      page.put(UNRESOLVABLE);
      putRefused(page, asked, { refusals, unresolvable: true, messageOf });
      page.put(TAIL);
      return { ...page.finish(), fitting };
    },
    scores: (asked, scores) => {
      const page = new ReplyPage(pool, FRAME + asked.list.bytes + asked.list.count * (HOST.length + LONGEST_SCORE));
      page.put(OPEN);
      putScores(page, asked, scores);
      page.put(CLOSE);
      return page.finish();
    },
  };
}

type Refusals = readonly (Refusal | undefined)[];
type MessageOf = (refusal: Refusal) => Piece;

/** Equal refusals are one object, and mostly stand one after the other: `messageOf` is asked once for each run. */
function bytesOfMessages(refusals: Refusals, messageOf: MessageOf): number {
  let bytes = 0;
  let last: Refusal | undefined;
  let message = HEAD;
  for (const refusal of refusals) {
    if (!refusal) continue;
    if (refusal !== last) message = messageOf((last = refusal));
    bytes += message.length;
  }
  return bytes;
}

/** Positions of the nodes that fit, of so many that were asked about. */
function whereItFits(refusals: Refusals, count: number): Int32Array {
  const positions = new Int32Array(count);
  let fitting = 0;
  for (let i = 0; i < count; i++) if (!refusals[i]) positions[fitting++] = i;
  return positions.subarray(0, fitting);
}

/** Returns the names that were put, as a list and as bytes of the page. */
function putNames(page: ReplyPage, { view, list }: ListedNames, positions: Int32Array): FilterReply['fitting'] {
  const from = page.length;
  if (positions.length === list.count) {
    page.putRange(view, Math.max(list.bytes - 1, 0));
    return { list, bytes: page.bytesFrom(from) };
  }
  const { starts } = list;
  const fittingStarts = new Int32Array(positions.length + 1);
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    const start = starts[position]!;
    page.putWords(view, start, starts[position + 1]! - start);
    fittingStarts[i + 1] = page.length - from;
  }
  page.dropLastComma(from);
  return { list: list.pick(positions, fittingStarts), bytes: page.bytesFrom(from) };
}

/** The nodes that are refused for good, or those that are not, each with its message. */
function putRefused(
  page: ReplyPage,
  { view, list }: ListedNames,
  { refusals, unresolvable, messageOf }: { refusals: Refusals; unresolvable: boolean; messageOf: MessageOf },
): void {
  const from = page.length;
  const { starts } = list;
  let last: Refusal | undefined;
  let message = HEAD;
  for (let i = 0; i < refusals.length; i++) {
    const refusal = refusals[i];
    if (!refusal || refusal.unresolvable !== unresolvable) continue;
    if (refusal !== last) message = messageOf((last = refusal));
    const start = starts[i]!;
    page.putWords(view, start, starts[i + 1]! - start - 1);
    page.put(message);
  }
  page.dropLastComma(from);
}

function putScores(page: ReplyPage, { view, list }: ListedNames, scores: ArrayLike<number>): void {
  const from = page.length;
  const { starts, count } = list;
  for (let i = 0; i < count; i++) {
    const start = starts[i]!;
    page.put(HOST);
    page.putWords(view, start, starts[i + 1]! - start - 1);
    page.put(SCORES[scores[i]!] ?? SCORES[0]!);
  }
  page.dropLastComma(from);
}
