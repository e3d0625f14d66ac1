import type { KubeObject } from '../../model/objects.ts';
import type { Reading, WatchEvent } from '../client.ts';
import { follow } from '../../wait/abort.ts';
import { WatchEventError } from '../errors.ts';
import { answered, formatOf } from './answer-format.ts';
import { asApiError, lateError, nameOf, type Call, type RestCaller } from './rest-call.ts';
import { errorFromStatus } from './status.ts';
import { createFrameEvents, createLineEvents, type RawEvent } from './watch-events.ts';

interface StreamOptions<T> extends Reading<T> {
  readonly kind: string;
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
  { kind, schema, silenceMs }: StreamOptions<T>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const follower = follow(signal);
  const name = nameOf(call);
  try {
    const late = setTimeout(() => follower.abort(lateError(call, caller.timeoutMs)), caller.timeoutMs);
    const answer = await caller.open(call, follower.signal).finally(() => clearTimeout(late));

    const to = answered(name, answer);
    const format = formatOf(to, answer.headers, schema !== undefined);
    const reader = schema && format === 'protobuf' ? createFrameEvents(to, kind, schema) : createLineEvents(to);
    for await (const chunk of untilSilent<Buffer>(answer, silenceMs)) {
      for (const event of reader.push(chunk)) yield* parseEvent<T>(name, event);
    }
    if (reader.pending() > 0) throw new Error('the watch ended in the middle of an event');
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
function parseEvent<T extends KubeObject>(name: string, { type, object }: RawEvent): WatchEvent<T>[] {
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return [{ type, object: object as unknown as T }];
    case 'BOOKMARK':
      return [{ type, resourceVersion: object?.metadata.resourceVersion ?? '' }];
    case 'ERROR':
      throw new WatchEventError(errorFromStatus(name, object ?? {}));
    default:
      return [];
  }
}
