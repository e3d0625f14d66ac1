import { message, text, type Message } from './schema.ts';
import { decode } from './decode.ts';
import { endOfBytes, MalformedMessage, readVarint, skipValue, WIRE, type Source } from './wire.ts';

/** The content type that asks for protobuf; that of an answer may have parameters. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/**
 * With what every object on the wire begins; a message runtime.Unknown follows, with the object in it:
 * https://github.com/kubernetes/apimachinery/blob/master/pkg/runtime/serializer/protobuf/protobuf.go
 */
export const MAGIC = Buffer.from('k8s\0');

/** Fields of runtime.Unknown: what the object is, and its own message. */
export const UNKNOWN = { typeMeta: 1, raw: 2 } as const;

interface TypeMeta {
  readonly kind?: string;
}
export const TYPE_META: Message<TypeMeta> = message<TypeMeta>({ kind: text(2) });

/** A stretch of bytes. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/** An object whose kind is known, and whose message has not been read. */
export interface Enveloped extends Part {
  readonly kind: string;
  readonly bytes: Buffer;
}

/** Opens what a whole answer, or the object of a watch event, is; throws MalformedMessage. */
export function openEnvelope(bytes: Buffer, start = 0, end = bytes.length): Enveloped {
  const inside = start + MAGIC.length;
  if (inside > end || MAGIC.compare(bytes, start, inside) !== 0) throw notMagic(bytes, start, end);
  const { [UNKNOWN.typeMeta]: typeMeta, [UNKNOWN.raw]: raw } = partsOf(bytes, inside, end);
  const { kind = '' } = typeMeta ? decode(TYPE_META, bytes, typeMeta.start, typeMeta.end) : {};
  return { kind, bytes, ...(raw ?? { start: end, end }) };
}

/** The failure of bytes that do not begin as an object does. */
export const notMagic = (bytes: Buffer, start: number, end: number): MalformedMessage =>
  new MalformedMessage(`it begins with ${bytes.toString('hex', start, Math.min(end, start + 8))}, not with "k8s"`);

/** Where the fields of a message are that hold bytes, by number. */
export function partsOf(bytes: Buffer, start: number, end: number): Readonly<Record<number, Part>> {
  const parts: Record<number, Part> = {};
  const source: Source = { bytes, at: start };
  while (source.at < end) {
    const tag = readVarint(source, end);
    if ((tag & 7) !== WIRE.bytes) skipValue(source, tag & 7, end);
    else {
      const until = endOfBytes(source, end);
      parts[tag >>> 3] = { start: source.at, end: until };
      source.at = until;
    }
  }
  return parts;
}
