import { LRUCache } from 'lru-cache';
import type { PodFacts } from '../model/facts.ts';
import type { BufferPool } from './buffer-pool.ts';
import { createFastReplies, type FastReplies, type FilterReply, type ListedNames } from './fast-replies.ts';
import { isPlainList, NameTable } from './name-table.ts';
import type { PodReader, Question } from './question.ts';
import { readPod } from './wire-pod.ts';

/**
 * The fast reader of the wire, for the one layout kube-scheduler sends with nodeCacheCapable: true,
 *
 *     {"Pod":{…},"Nodes":null,"NodeNames":["a","b"]}
 *
 * Only the pod goes through JSON.parse. The names are recognised by their bytes, and replies are put together from words prepared
 * once for each name and each refusal. Anything that is not exactly this is left to wire-general.ts, which gives the same answers;
 * wire-fast.test.ts holds the two against each other.
 *
 * Why the cut is safe: when what stands between the fixed parts is a JSON value and a list of plain strings, the whole is JSON and
 * has no other reading. JSON.parse and NameTable check both.
 */
export interface FastWire {
  /** The question, or undefined when the general path must read this body. It is good as long as the body's bytes are. */
  read(body: Buffer, reader: PodReader): Question | undefined;
  /** Drops what was kept for a pod. */
  forget(podUid: string): void;
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const BEFORE_POD = ascii('{"Pod":');
const BEFORE_NAMES = ascii(',"Nodes":null,"NodeNames":[');
const END = ascii(']}');
/** NameTable reads words, and so up to three bytes past the list; END has two of them. */
const SLACK = 1;

/** Between filter, prioritize and bind the scheduler has few pods on their way. */
const MAX_REMEMBERED_PODS = 64;
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024;

/** The names filter answered for a pod: prioritize brings the same bytes. */
interface Remembered extends ListedNames {
  readonly buffer: Buffer;
  readonly length: number;
}

/** Reads and answers with buffers of the pool. `seed` is for NameTable. */
export function createFastWire(pool: BufferPool, seed: number): FastWire {
  let table = new NameTable(seed);
  const replies = createFastReplies(pool);
  const remembered = new LRUCache<string, Remembered>({
    max: MAX_REMEMBERED_PODS,
    maxSize: MAX_REMEMBERED_BYTES,
    sizeCalculation: ({ buffer }) => buffer.length,
    dispose: ({ buffer }) => pool.give(buffer),
  });

  const remember: Remember = (pod, listed, { bytes, from, to }) => {
    const buffer = pool.take(to - from);
    bytes.copy(buffer, 0, from, to);
    remembered.set(pod.uid, { ...listed, buffer, length: to - from });
  };
  const listed = (pod: PodFacts, body: Buffer, { from, to }: Cut): ListedNames | undefined => {
    const known = remembered.get(pod.uid);
    if (known && body.compare(known.buffer, 0, known.length, from, to) === 0) return known;
    if (table.isFull()) table = new NameTable(seed);
    const list = table.read(new DataView(body.buffer, body.byteOffset, body.length + SLACK), from, to);
    return list && { ...list, table };
  };

  return {
    read: (received, reader) => {
      const cut = cutOut(received);
      const pod = cut && tryPod(received.toString('utf8', BEFORE_POD.length, cut.podEnd), reader);
      if (!pod) return undefined;
      if (!reader.concerns(pod))
        return isPlainList(received, cut.from, cut.to)
          ? passing(pod, received.subarray(cut.from, cut.to), replies)
          : undefined;
      const names = listed(pod, withSlack(received), cut);
      return names && asking(pod, names, { replies, remember });
    },
    forget: (podUid) => {
      remembered.delete(podUid);
    },
  };
}

/** Where the pod ends, and the inside of the list of names. */
interface Cut {
  readonly podEnd: number;
  readonly from: number;
  readonly to: number;
}

function cutOut(body: Buffer): Cut | undefined {
  const podEnd = body.indexOf(BEFORE_NAMES);
  const from = podEnd + BEFORE_NAMES.length;
  const to = body.length - END.length;
  if (podEnd < 0 || to < from) return undefined;
  if (BEFORE_POD.compare(body, 0, BEFORE_POD.length) !== 0 || END.compare(body, to) !== 0) return undefined;
  return { podEnd, from, to };
}

/** Undefined for what is no pod: the general path says what is wrong. */
function tryPod(json: string, reader: PodReader): PodFacts | undefined {
  try {
    return readPod(JSON.parse(json), reader);
  } catch {
    return undefined;
  }
}

function withSlack(body: Buffer): Buffer {
  if (body.byteOffset + body.length + SLACK <= body.buffer.byteLength) return body;
  const copy = Buffer.allocUnsafeSlow(body.length + SLACK);
  body.copy(copy);
  return copy.subarray(0, body.length);
}

function unasked(): never {
  throw new Error('the pod is none of ours: nobody was asked about its nodes');
}

function passing(pod: PodFacts, list: Buffer, replies: FastReplies): Question {
  return { pod, concerned: false, names: [], allFit: () => replies.allFit(list), verdict: unasked, scores: unasked };
}

type Remember = (pod: PodFacts, listed: ListedNames, reply: FilterReply) => void;

function asking(
  pod: PodFacts,
  asked: ListedNames,
  { replies, remember }: { replies: FastReplies; remember: Remember },
): Question {
  return {
    pod,
    concerned: true,
    names: asked.names,
    allFit: () => replies.verdict(asked, []),
    verdict: (refusals) => {
      const reply = replies.verdict(asked, refusals);
      if (reply.to > reply.from) remember(pod, fitting(asked, refusals), reply);
      return reply;
    },
    scores: (scores) => replies.scores(asked, scores),
  };
}

function fitting({ table, names, refs }: ListedNames, refusals: readonly unknown[]): ListedNames {
  return { table, names: names.filter((_, i) => !refusals[i]), refs: refs.filter((_, i) => !refusals[i]) };
}
