/** The pieces of which every protobuf message is made: https://protobuf.dev/programming-guides/encoding/ */

/** Bytes that are no protobuf, or none of the schema. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** Bytes, and how far they have been read. */
export interface Source {
  readonly bytes: Buffer;
  at: number;
}

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** etcd refuses objects of a fortieth of this. */
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

const MORE = 0x80;
const MAX_VARINT_BYTES = 10;

/** Reads an int64, which is inexact beyond 2^53; throws MalformedMessage where it does not end before `end`. */
export function readVarint(source: Source, end: number): number {
  const { bytes, at } = source;
  const first = bytes[at] ?? MORE;
  if (at >= end || first >= MORE) return readLongVarint(source, end);
  source.at = at + 1;
  return first;
}

/** In two halves, since JavaScript shifts 32 bits. */
function readLongVarint(source: Source, end: number): number {
  let [low, high] = [0, 0];
  for (let shift = 0; shift < 7 * MAX_VARINT_BYTES; shift += 7) {
    if (source.at >= end) throw new MalformedMessage('a number has no end');
    const byte = source.bytes[source.at] ?? 0;
    source.at += 1;
    const bits = byte & 0x7f;
    if (shift < 32) low |= bits << shift;
    if (shift === 28) high |= bits >> 4;
    if (shift > 28) high |= bits << (shift - 32);
    if (byte < MORE) return high * 2 ** 32 + (low >>> 0);
  }
  throw new MalformedMessage('a number is longer than ten bytes');
}

/** Whether a varint that begins at a place ends before `end`; what is longer than any is for readVarint to refuse. */
export function hasVarint(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if ((bytes[at] ?? 0) < MORE || at - start === MAX_VARINT_BYTES) return true;
  }
  return false;
}

/** Reads a length, and tells where the bytes end that have it. */
export function endOfBytes(source: Source, end: number): number {
  const length = readVarint(source, end);
  const until = source.at + length;
  if (length < 0 || until > end) throw new MalformedMessage('a field is longer than its message');
  return until;
}

/** Passes over the value of a field. */
export function skipValue(source: Source, wireType: number, end: number): void {
  if (wireType === WIRE.bytes) source.at = endOfBytes(source, end);
  else if (wireType === WIRE.varint) readVarint(source, end);
  else if (wireType === WIRE.fixed64) source.at += 8;
  else if (wireType === WIRE.fixed32) source.at += 4;
  else throw new MalformedMessage(`wire type ${wireType} is unknown`);
  if (source.at > end) throw new MalformedMessage('a field is longer than its message');
}
