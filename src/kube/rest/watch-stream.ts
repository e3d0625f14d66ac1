import type { KubeObject } from '../../model/objects.ts';
import type { Reading, WatchEvent } from '../client.ts';
import { follow } from '../../wait/abort.ts';
import { ApiError } from '../errors.ts';
import { createLineSplitter } from './line-splitter.ts';
import { asApiError, lateError, nameOf, type Call, type RestCaller } from './rest-call.ts';
import { errorFromStatus, type Status } from './status.ts';
import type { Unread } from '../client.ts';
import { parseWithout } from './unread-text.ts';

/** etcd refuses objects of a tenth of this. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

interface RawEvent {
  readonly type: string;
  readonly object?: KubeObject & Status;
}

interface StreamOptions extends Reading {
  readonly silenceMs: number;
}

/**
 * The events of one watch, as they come. Ends quietly when the server ends it, or when nothing came for `silenceMs`;
 * the connection is closed when the reader stops. Throws ApiError, also for an ERROR event (with its code) and for an
 * end in the middle of an event.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export async function* watchStream<T extends KubeObject>(
  caller: RestCaller,
  call: Call,
  { silenceMs, unread = [] }: StreamOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const follower = follow(signal);
  const name = nameOf(call);
  const splitter = createLineSplitter(MAX_LINE_BYTES);
  try {
    const late = setTimeout(() => follower.abort(lateError(call, caller.timeoutMs)), caller.timeoutMs);
    const answer = await caller.open(call, follower.signal).finally(() => clearTimeout(late));

    for await (const chunk of untilSilent<Buffer>(answer, silenceMs)) {
      for (const line of splitter.push(chunk)) yield* parseEvent<T>(name, line, unread);
    }
    if (splitter.pending > 0) throw new Error('the watch ended in the middle of an event');
  } catch (error) {
    throw asApiError(name, error, follower.signal);
  } finally {
    follower.abort(new Error('the watch is over'));
    follower.release();
  }
}

/** The chunks until the source ends or keeps silent for so long; the time the reader takes does not count. */
async function* untilSilent<T>(source: AsyncIterable<T>, ms: number): AsyncGenerator<T, void, undefined> {
  const chunks = source[Symbol.asyncIterator]();
  for (;;) {
    const silence = Promise.withResolvers<{ done: true }>();
    const timer = setTimeout(() => silence.resolve({ done: true }), ms);
    const next = await Promise.race([chunks.next(), silence.promise]).finally(() => clearTimeout(timer));
    if (next.done) return;
    yield next.value;
  }
}

/** Empty for a type of event that we do not know. */
function parseEvent<T extends KubeObject>(name: string, line: string, unread: readonly Unread[]): WatchEvent<T>[] {
  const { type, object } = parseLine(name, line, unread);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return [{ type, object: object as unknown as T }];
    case 'BOOKMARK':
      return [{ type, resourceVersion: object?.metadata.resourceVersion ?? '' }];
    case 'ERROR':
      throw errorFromStatus(name, object ?? {});
    default:
      return [];
  }
}

function parseLine(name: string, line: string, unread: readonly Unread[]): RawEvent {
  try {
    const event = parseWithout(line, unread) as RawEvent;
    if (event.type === 'ERROR' || event.object?.metadata) return event;
  } catch {
    // The same failure as JSON without an object.
  }
  throw new ApiError({ code: 0, reason: 'BadAnswer', message: `${name}: not a watch event: ${line.slice(0, 100)}` });
}
