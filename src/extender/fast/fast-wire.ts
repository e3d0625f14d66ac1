import type { IncomingMessage } from 'node:http';
import type { PodFacts } from '../../model/facts.ts';
import type { NodeNumbering } from '../../model/verdict.ts';
import type { PodReader, Question } from '../wire/question.ts';
import { readPod } from '../wire/read-pod.ts';
import { createBufferPool } from './buffer-pool.ts';
import { cutBody } from './cut-body.ts';
import { LastBytes } from './last-bytes.ts';
import { isPlainList } from './name-table.ts';
import { createNameReader, type NameReader } from './recognise-names.ts';
import { readBody, type Body } from './request-body.ts';
import { createFastReplies, type FastReplies, type ListedNames } from './write-replies.ts';

/**
 * The door of this room: the fast reader of the wire, for the one layout kube-scheduler sends with nodeCacheCapable:
 * true,
 *
 *     {"Pod":{…},"Nodes":null,"NodeNames":["a","b"]}
 *
 * Only the pod goes through JSON.parse. Names are recognised by their bytes, and replies are put together from those
 * bytes and from prepared ones. Anything that is not exactly this is left to json-wire.ts, which gives the same
 * answers; fast-wire.test.ts holds the two against each other.
 *
 * Why the cut is safe: when what stands between the fixed parts is a JSON value and a list of plain strings, the whole
 * is JSON and has no other reading. JSON.parse and NameTable check both.
 */
export interface FastWire {
  /**
   * The whole body of a request, for either reader of the wire; the caller releases it. Throws Fault `invalid` when the
   * body is longer than `maxBytes`, or ends before it is complete.
   */
  readBody(request: IncomingMessage, maxBytes: number): Promise<Body>;
  /**
   * The question, or undefined when json-wire.ts must read this body. The question is good as long as the body's bytes
   * are. All callers decode a pod alike.
   */
  readQuestion(body: Buffer, reader: PodReader): Question | undefined;
  /** Drops what was kept for a pod. */
  forget(podUid: string): void;
}

/** Bytes kept for the next calls: enough for eight calls at once of a cluster with 15,000 nodes. */
const POOL_BYTES = 32 * 1024 * 1024;

/** `seed`: a number that no caller can guess (see NameTable). Questions give their nodes by `numbering` too. */
export function createFastWire(options: {
  readonly seed: number;
  readonly numbering?: NodeNumbering | undefined;
}): FastWire {
  const pool = createBufferPool(POOL_BYTES);
  const replies = createFastReplies(pool);
  const names = createNameReader(pool, options);
  const pods = new LastBytes<PodFacts | undefined>();
  const plainLists = new LastBytes<boolean>();
  return {
    readBody: (request, maxBytes) => readBody(request, { maxBytes, pool }),
    readQuestion: (body, reader) => {
      const parts = cutBody(body);
      const pod = parts && pods.of(parts.pod, (json) => tryPod(json, reader));
      if (!pod) return undefined;
      const { list } = parts;
      if (!reader.concerns(pod))
        return plainLists.of(list, isPlainList) ? passUntouched(pod, list, replies) : undefined;
      const asked = names.read(pod.uid, list);
      return asked && askAbout(asked, pod, { replies, names });
    },
    forget: (podUid) => names.forget(podUid),
  };
}

/** Undefined for what is no pod: json-wire.ts says what is wrong. */
function tryPod(json: Buffer, reader: PodReader): PodFacts | undefined {
  try {
    return readPod(JSON.parse(json.toString()), reader);
  } catch {
    return undefined;
  }
}

/** The question about a pod that has no volume of ours: all its nodes go back as they came. */
function passUntouched(pod: PodFacts, list: Buffer, replies: FastReplies): Question {
  return {
    pod,
    concerned: false,
    names: [],
    allFit: () => replies.allFit(list),
    verdict: refuseToAnswer,
    scores: refuseToAnswer,
  };
}

function refuseToAnswer(): never {
  throw new Error('the pod is none of ours: nobody was asked about its nodes');
}

function askAbout(
  asked: ListedNames,
  pod: PodFacts,
  { replies, names }: { readonly replies: FastReplies; readonly names: NameReader },
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
      names.remember(pod.uid, reply.fitting);
      return reply;
    },
    scores: (scores) => replies.scores(asked, scores),
  };
}
