import type { Kind, Message, NamedField } from './schema.ts';
import { endOfBytes, MalformedMessage, readVarint, skipValue, WIRE, type Source } from './wire.ts';

type Read = Record<string, unknown>;
type Texts = Record<string, string>;

/**
 * Reads a message that lies between two places; throws MalformedMessage. The object keeps nothing of the bytes alive.
 * A field that comes twice has its last value, where the protocol would merge messages: Go never writes one twice.
 */
export function decode<T>(message: Message<T>, bytes: Buffer, start = 0, end = bytes.length): T {
  return readMessage(message, {}, { bytes, at: start }, end) as T;
}

function readMessage({ fields }: Message, into: Read, source: Source, end: number): Read {
  while (source.at < end) {
    const tag = readVarint(source, end);
    const [number, wireType] = [tag >>> 3, tag & 7];
    const field = fields[number];
    if (field === undefined) skipValue(source, wireType, end);
    else if (wireType === WIRE.bytes) READERS[field.kind](field, into, source, endOfBytes(source, end));
    else if (wireType === WIRE.varint) readNumber(field, into, readVarint(source, end));
    else throw mismatch(field);
  }
  return into;
}

function readNumber(field: NamedField, into: Read, value: number): void {
  if (field.kind !== 'flag' && field.kind !== 'whole') throw mismatch(field);
  if (value !== 0) into[field.name] = field.kind === 'flag' ? true : value;
}

/** Puts what a field holds, from where the source is to the end of the field, into the object. */
type Reader = (field: NamedField, into: Read, source: Source, end: number) => void;

const refuse: Reader = (field) => {
  throw mismatch(field);
};

const READERS: Readonly<Record<Kind, Reader>> = {
  text: ({ name }, into, source, end) => {
    const text = readText(source, end);
    if (text !== '') into[name] = text;
  },
  requiredText: ({ name }, into, source, end) => {
    into[name] = readText(source, end);
  },
  texts: ({ name }, into, source, end) => append(into, name, readText(source, end)),
  flag: refuse,
  whole: refuse,
  time: ({ name }, into, source, end) => {
    into[name] = readTime(source, end);
  },
  textMap: ({ name }, into, source, end) => readEntry((into[name] ??= {}) as Texts, readText, source, end),
  quantityMap: ({ name }, into, source, end) => readEntry((into[name] ??= {}) as Texts, readQuantity, source, end),
  message: ({ name, message = NOTHING }, into, source, end) => {
    into[name] = readMessage(message, {}, source, end);
  },
  messages: ({ name, message = NOTHING }, into, source, end) =>
    append(into, name, readMessage(message, {}, source, end)),
  embedded: ({ message = NOTHING }, into, source, end) => void readMessage(message, into, source, end),
};

const NOTHING: Message = { fields: [] };

const mismatch = ({ number, name, kind }: NamedField): MalformedMessage =>
  new MalformedMessage(`field ${number} is no ${kind}, as ${name} is`);

function append(into: Read, name: string, value: unknown): void {
  const known = into[name] as unknown[] | undefined;
  if (known) known.push(value);
  else into[name] = [value];
}

function readText(source: Source, end: number): string {
  const start = source.at;
  source.at = end;
  return source.bytes.toString('utf8', start, end);
}

/** Tags of the first two fields, where these are bytes: key and value of a map's entry. */
const [FIRST, SECOND] = [0x0a, 0x12];

function readEntry(into: Texts, readValue: (source: Source, end: number) => string, source: Source, end: number): void {
  let [key, value] = ['', ''];
  while (source.at < end) {
    const tag = readVarint(source, end);
    if (tag === FIRST) key = readText(source, endOfBytes(source, end));
    else if (tag === SECOND) value = readValue(source, endOfBytes(source, end));
    else skipValue(source, tag & 7, end);
  }
  if (key === '__proto__')
    Object.defineProperty(into, key, { value, configurable: true, enumerable: true, writable: true });
  else into[key] = value;
}

/** The text is its only field. */
function readQuantity(source: Source, end: number): string {
  let text = '0';
  while (source.at < end) {
    const tag = readVarint(source, end);
    if (tag === FIRST) text = readText(source, endOfBytes(source, end));
    else skipValue(source, tag & 7, end);
  }
  return text;
}

/** Seconds since 1970 are its first field; JSON has no fractions of them. */
function readTime(source: Source, end: number): string {
  let seconds = 0;
  while (source.at < end) {
    const tag = readVarint(source, end);
    if (tag >>> 3 === 1 && (tag & 7) === WIRE.varint) seconds = readVarint(source, end);
    else skipValue(source, tag & 7, end);
  }
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) throw new MalformedMessage(`there is no time ${seconds} s after 1970`);
  return time.toISOString().replace(/\.000Z$/, 'Z');
}
