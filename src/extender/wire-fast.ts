import { LRUCache } from 'lru-cache';
import type { PodFacts } from '../model/facts.ts';
import type { NodeNumbering } from '../model/verdict.ts';
import type { BufferPool } from './buffer-pool.ts';
import { createFastReplies, type FastReplies, type FilterReply, type ListedNames } from './fast-replies.ts';
import { LastBytes } from './last-bytes.ts';
import type { NameList } from './name-list.ts';
import { isPlainList, NameTable, PAST_LIST } from './name-table.ts';
import type { PodReader, Question } from './question.ts';
import { readPod } from './wire-pod.ts';

/**
 * The fast reader of the wire, for the one layout kube-scheduler sends with nodeCacheCapable: true,
 *
 *     {"Pod":{…},"Nodes":null,"NodeNames":["a","b"]}
 *
 * Only the pod goes through JSON.parse. The names are recognised by their bytes, and replies are put together from those bytes and
 * from prepared ones. Anything that is not exactly this is left to wire-general.ts, which gives the same answers; wire-fast.test.ts
 * holds the two against each other.
 *
 * Why the cut is safe: when what stands between the fixed parts is a JSON value and a list of plain strings, the whole is JSON and
 * has no other reading. JSON.parse and NameTable check both.
 */
export interface FastWire {
  /**
   * The question, or undefined when the general path must read this body. It is good as long as the body's bytes are. All readers decode
   * a pod alike.
   */
  read(body: Buffer, reader: PodReader): Question | undefined;
  /** Drops what was kept for a pod. */
  forget(podUid: string): void;
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const BEFORE_POD = ascii('{"Pod":');
const BEFORE_NAMES = ascii(',"Nodes":null,"NodeNames":[');
const END = ascii(']}');

/** Between filter, prioritize and bind the scheduler has few pods on their way. */
const MAX_REMEMBERED_PODS = 64;
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024;

/** The names filter answered for a pod: prioritize brings the same bytes. */
interface Remembered {
  readonly list: NameList;
  readonly buffer: Buffer;
  readonly bytes: number;
}

/** Reads and answers with buffers of the pool. `seed` is for NameTable; questions give nodes by `numbering` too. */
export function createFastWire(
  pool: BufferPool,
  { seed, numbering }: { readonly seed: number; readonly numbering?: NodeNumbering | undefined },
): FastWire {
  let table = new NameTable(seed, numbering);
  const replies = createFastReplies(pool);
  const remembered = new LRUCache<string, Remembered>({
    max: MAX_REMEMBERED_PODS,
    maxSize: MAX_REMEMBERED_BYTES,
    sizeCalculation: ({ buffer }) => buffer.length,
    dispose: ({ buffer }) => pool.give(buffer),
  });

  const remember: Remember = (pod, { list, bytes }) => {
    const buffer = pool.take(bytes.length);
    bytes.copy(buffer);
    remembered.set(pod.uid, { list, buffer, bytes: bytes.length });
  };
  const listed = (pod: PodFacts, bytes: Buffer): ListedNames | undefined => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length + PAST_LIST);
    const known = remembered.get(pod.uid);
    if (known && bytes.compare(known.buffer, 0, known.bytes) === 0) return { list: known.list, view };
    if (table.isFull()) table = new NameTable(seed, numbering);
    const list = table.read(view, bytes.length);
    return list && { list, view };
  };

  const pods = new LastBytes<PodFacts | undefined>();
  const plainLists = new LastBytes<boolean>();

  return {
    read: (body, reader) => {
      const cut = cutOut(body);
      const pod = cut && pods.of(cut.pod, (json) => tryPod(json, reader));
      if (!pod) return undefined;
      const { list } = cut;
      if (!reader.concerns(pod)) return plainLists.of(list, isPlainList) ? passing(pod, list, replies) : undefined;
      const names = listed(pod, list);
      return names && asking(pod, names, { replies, remember });
    },
    forget: (podUid) => {
      remembered.delete(podUid);
    },
  };
}

/** The pod's JSON, and the inside of the list of names, after which some bytes more can be read. */
interface Cut {
  readonly pod: Buffer;
  readonly list: Buffer;
}

function cutOut(body: Buffer): Cut | undefined {
  const podEnd = body.indexOf(BEFORE_NAMES);
  const from = podEnd + BEFORE_NAMES.length;
  const to = body.length - END.length;
  if (podEnd < 0 || to < from) return undefined;
  if (BEFORE_POD.compare(body, 0, BEFORE_POD.length) !== 0 || END.compare(body, to) !== 0) return undefined;
  const list = body.subarray(from, to);
  const readable = list.buffer.byteLength - list.byteOffset >= list.length + PAST_LIST;
  return { pod: body.subarray(BEFORE_POD.length, podEnd), list: readable ? list : moved(list) };
}

function moved(list: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(list.length + PAST_LIST);
  list.copy(copy);
  return copy.subarray(0, list.length);
}

/** Undefined for what is no pod: the general path says what is wrong. */
function tryPod(json: Buffer, reader: PodReader): PodFacts | undefined {
  try {
    return readPod(JSON.parse(json.toString()), reader);
  } catch {
    return undefined;
  }
}

function passing(pod: PodFacts, list: Buffer, replies: FastReplies): Question {
  return {
    pod,
    concerned: false,
    names: [],
    allFit: () => replies.allFit(list),
    verdict: unasked,
    scores: unasked,
  };
}

function unasked(): never {
  throw new Error('the pod is none of ours: nobody was asked about its nodes');
}

/** Keeps what filter answered. */
type Remember = (pod: PodFacts, fitting: FilterReply['fitting']) => void;

function asking(
  pod: PodFacts,
  asked: ListedNames,
  { replies, remember }: { readonly replies: FastReplies; readonly remember: Remember },
): Question {
  return {
    pod,
    concerned: true,
    get names() {
      return asked.list.names;
    },
    ...(asked.list.numbers && { numbers: asked.list.numbers }),
    allFit: () => replies.verdict(asked, []),
    verdict: (refusals) => {
      const reply = replies.verdict(asked, refusals);
      if (reply.fitting.list.count > 0) remember(pod, reply.fitting);
      return reply;
    },
    scores: (scores) => replies.scores(asked, scores),
  };
}
