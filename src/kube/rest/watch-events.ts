import type { KubeObject } from '../../model/objects.ts';
import { decode } from '../protobuf/decode.ts';
import { createFrameSplitter } from '../protobuf/frame-splitter.ts';
import type { Message } from '../protobuf/schema.ts';
import { readWatchEvent } from '../protobuf/watch-event.ts';
import { MalformedMessage } from '../protobuf/wire.ts';
import { badAnswer, fromProtobuf, type Answered } from './answer-format.ts';
import { createLineSplitter } from './line-splitter.ts';
import { STATUS, type Status } from './status.ts';

/** etcd refuses objects of a twentieth of this. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

/** An event of which only the type has been looked at; its object is a Status where that is ERROR. */
export interface RawEvent {
  readonly type: string;
  readonly object?: KubeObject & Status;
}

/** Makes a watch's events of its bytes; throws ApiError for what is none. */
export interface EventReader {
  /** The events that this chunk ends, to be read before the next chunk. */
  push(chunk: Buffer): Iterable<RawEvent>;
  /** Bytes of the event that has not ended. */
  pending(): number;
}

/** Reads JSON, one event a line. */
export function createLineEvents(to: Answered): EventReader {
  const splitter = createLineSplitter(MAX_LINE_BYTES);
  return {
    push: function* (chunk) {
      for (const line of splitter.push(chunk)) yield parseLine(to, line);
    },
    pending: () => splitter.pending,
  };
}

function parseLine(to: Answered, line: string): RawEvent {
  try {
    const event = JSON.parse(line) as RawEvent;
    if (event.type === 'ERROR' || event.object?.metadata) return event;
  } catch {
    // The same failure as JSON without an object.
  }
  throw badAnswer(to, `not a watch event: ${line.slice(0, 100)}`);
}

/** Reads protobuf, of objects of one kind. */
export function createFrameEvents<T>(to: Answered, kind: string, schema: Message<T>): EventReader {
  const splitter = createFrameSplitter();
  return {
    push: function* (chunk) {
      const frames = splitter.push(chunk);
      for (;;) {
        const event = fromProtobuf(to, () => {
          const { value: frame } = frames.next();
          return frame && decodeFrame(frame, kind, schema);
        });
        if (!event) return;
        yield event;
      }
    },
    pending: () => splitter.pending,
  };
}

function decodeFrame<T>(frame: Buffer, kind: string, schema: Message<T>): RawEvent {
  const { type, object } = readWatchEvent(frame);
  const { kind: found, bytes, start, end } = object;
  if (type === 'ERROR' && found === 'Status')
    return { type, object: { metadata: {}, ...decode(STATUS, bytes, start, end) } };
  if (found !== kind) throw new MalformedMessage(`an event ${type} has a ${found || 'nameless kind'}, not a ${kind}`);
  const read = decode(schema, bytes, start, end) as KubeObject;
  return { type, object: { ...read, metadata: read.metadata ?? {} } };
}
