import { MAGIC } from './envelope.ts';
import type { Message, NamedField } from './schema.ts';

/**
 * The other side of the wire, for tests and benchmarks that speak as an API server does: fields in the order of their
 * numbers, and those that are no pointers in Go even when empty.
 */

type Json = Readonly<Record<string, unknown>>;

/** The object's fields that the schema has, as its message. */
export function encode(message: Message, object: object): Buffer {
  const writer = createWriter();
  writeMessage(writer, message, object as Json);
  return writer.written();
}

/** An object alone, as in an answer of its own or in a watch event. */
export const envelope = (kind: string, apiVersion: string, raw: Buffer): Buffer =>
  Buffer.concat([
    MAGIC,
    bytesField(1, Buffer.concat([textField(1, apiVersion), textField(2, kind)])),
    bytesField(2, raw),
    ...[textField(3, ''), textField(4, '')],
  ]);

/** A list of objects that are messages already; `kind` is that of one. */
export function encodeList(
  kind: string,
  items: readonly Buffer[],
  { resourceVersion, continue: next = '' }: { readonly resourceVersion: string; readonly continue?: string },
): Buffer {
  const meta = Buffer.concat([textField(1, ''), textField(2, resourceVersion), textField(3, next)]);
  const list = [bytesField(1, meta), ...items.map((item) => bytesField(2, item))];
  return envelope(`${kind}List`, 'v1', Buffer.concat(list));
}

export interface StatusFields {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

/** An error's Status, in its envelope. */
export function encodeStatus({ code, reason, message, retryAfterSeconds = 0 }: StatusFields): Buffer {
  const details = numberField(5, retryAfterSeconds);
  const texts = [textField(2, 'Failure'), textField(3, message), textField(4, reason)];
  return envelope('Status', 'v1', Buffer.concat([...texts, bytesField(5, details), numberField(6, code)]));
}

/** A watch event about an object in its envelope, with its length before it. */
export function encodeFrame(type: string, object: Buffer): Buffer {
  const event = Buffer.concat([textField(1, type), bytesField(2, bytesField(1, object))]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

export function bytesField(number: number, bytes: Buffer): Buffer {
  const writer = createWriter();
  writer.bytes(bytes);
  writer.length(number, 0);
  return writer.written();
}
export const textField = (number: number, value: string): Buffer => bytesField(number, Buffer.from(value));

export function numberField(number: number, value: number): Buffer {
  const writer = createWriter();
  writer.number(number, value);
  return writer.written();
}

/** What of an object the reader with this schema is to see. */
export function onlyRead(message: Message, object: object): object {
  const read: Record<string, unknown> = {};
  for (const { name, kind, message: inner } of message.fields.filter((field) => field !== undefined)) {
    const value = (object as Json)[name];
    if (kind === 'embedded') Object.assign(read, onlyRead(inner!, object));
    else if (value === undefined || value === null) continue;
    else if (kind === 'message') read[name] = onlyRead(inner!, value);
    else if (kind === 'messages') read[name] = (value as object[]).map((each) => onlyRead(inner!, each));
    else read[name] = value;
  }
  return read;
}

/** Writes from the end to the beginning, since a length stands before what it is the length of. */
interface Writer {
  bytes(bytes: Buffer): void;
  text(number: number, value: string): void;
  number(number: number, value: number): void;
  /** Puts tag and length before all that was written since `position` was so. */
  length(number: number, since: number): void;
  position(): number;
  written(): Buffer;
}

const FIRST_SIZE = 1024;

function createWriter(): Writer {
  let buffer = Buffer.alloc(FIRST_SIZE);
  let used = 0;
  /** Room for so many more bytes: where it begins. May put another buffer in the place of this one. */
  const take = (count: number): number => {
    if (used + count > buffer.length) {
      const larger = Buffer.alloc(2 * (used + count));
      buffer.copy(larger, larger.length - used, buffer.length - used);
      buffer = larger;
    }
    used += count;
    return buffer.length - used;
  };
  const varint = (value: number): void => {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    const at = take(bytes.length);
    for (const [i, byte] of bytes.entries()) buffer[at + i] = byte;
  };
  const small = (value: number): void => {
    if (value >= 0x80) return varint(value);
    const at = take(1);
    buffer[at] = value;
  };
  const length = (number: number, since: number): void => {
    small(used - since);
    small(number * 8 + 2);
  };
  return {
    bytes: (bytes) => {
      const at = take(bytes.length);
      bytes.copy(buffer, at);
    },
    text: (number, value) => {
      const since = used;
      const count = Buffer.byteLength(value);
      const at = take(count);
      buffer.write(value, at);
      length(number, since);
    },
    number: (number, value) => {
      varint(value);
      small(number * 8);
    },
    length,
    position: () => used,
    written: () => Buffer.from(buffer.subarray(buffer.length - used)),
  };
}

function writeMessage(writer: Writer, { fields }: Message, object: Json): void {
  for (const field of fields.toReversed()) {
    if (field) writeField(writer, field, object);
  }
}

function writeField(writer: Writer, field: NamedField, object: Json): void {
  const { kind, number, name } = field;
  const value = object[name];
  if (kind === 'embedded') writeInner(writer, field, object);
  else if (kind === 'text' || kind === 'requiredText') writer.text(number, (value as string | undefined) ?? '');
  else if (kind === 'flag') writer.number(number, value === true ? 1 : 0);
  else if (value !== undefined && value !== null) writeValue(writer, field, value);
}

/** Of a kind that is left out where there is no value. */
function writeValue(writer: Writer, field: NamedField, value: unknown): void {
  const { kind, number } = field;
  if (kind === 'whole') writer.number(number, value as number);
  else if (kind === 'texts') for (const each of (value as string[]).toReversed()) writer.text(number, each);
  else if (kind === 'time') writeTime(writer, number, value as string);
  else if (kind === 'message') writeInner(writer, field, value as Json);
  else if (kind === 'messages') for (const each of (value as Json[]).toReversed()) writeInner(writer, field, each);
  else writeMap(writer, field, value as Readonly<Record<string, string>>);
}

function writeInner(writer: Writer, { number, message }: NamedField, object: Json): void {
  const since = writer.position();
  if (message) writeMessage(writer, message, object);
  writer.length(number, since);
}

function writeTime(writer: Writer, number: number, value: string): void {
  const since = writer.position();
  writer.number(2, 0);
  writer.number(1, Date.parse(value) / 1000);
  writer.length(number, since);
}

function writeMap(writer: Writer, { kind, number }: NamedField, map: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(map).toReversed()) {
    const since = writer.position();
    writer.text(kind === 'quantityMap' ? 1 : 2, value);
    if (kind === 'quantityMap') writer.length(2, since);
    writer.text(1, key);
    writer.length(number, since);
  }
}
