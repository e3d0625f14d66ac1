import { decode } from './decode.ts';
import { MAGIC, notMagic, TYPE_META, UNKNOWN } from './envelope.ts';
import { message, text, type Message } from './schema.ts';
import { createWindow, type Window } from './window.ts';
import { hasVarint, MalformedMessage, MAX_OBJECT_BYTES, readVarint, skipValue, WIRE, type Source } from './wire.ts';

/** How a list goes on: metav1.ListMeta. */
export interface ListMeta {
  readonly resourceVersion?: string;
  readonly continue?: string;
}

const LIST_META: Message<ListMeta> = message<ListMeta>({ resourceVersion: text(2), continue: text(3) });

/** Reads one list from its chunks; throws MalformedMessage. */
export interface ListReader {
  /** Tells of the objects that this chunk ends. */
  push(chunk: Buffer): void;
  /** What the list is besides its objects, to be called at its end. */
  end(): ListMeta;
}

export interface ListReading<T> {
  /** Of the objects. */
  readonly kind: string;
  readonly schema: Message<T>;
  readonly tell: (object: T) => void;
}

/** Fields of every list, such as core/v1 PodList. */
const [METADATA, ITEMS] = [1, 2];

/** A field of which the beginning is there. */
interface Head {
  readonly number: number;
  readonly isBytes: boolean;
  /** Where its value begins and ends in the window, or will end. */
  readonly start: number;
  readonly end: number;
}

/**
 * No more of the list is held than the one object whose end has not come. The list itself is the field `raw` of a
 * runtime.Unknown, which says how long it is.
 */
export function createListReader<T>({ kind, schema, tell }: ListReading<T>): ListReader {
  const window = createWindow();
  let meta: ListMeta = {};
  let place: 'before' | 'in envelope' | 'in list' = 'before';
  let hasList = false;
  /** Bytes of the list that have not been used up. */
  let left = 0;

  const open = (): boolean => {
    const { bytes, start, end } = window;
    if (end - start < MAGIC.length) return false;
    if (MAGIC.compare(bytes, start, start + MAGIC.length) !== 0) throw notMagic(bytes, start, end);
    window.drop(MAGIC.length);
    place = 'in envelope';
    return true;
  };

  const enterList = ({ start, end }: Head): boolean => {
    [place, hasList, left] = ['in list', true, end - start];
    window.drop(start - window.start);
    return true;
  };

  const take = ({ number, isBytes, start, end }: Head): void => {
    const { bytes } = window;
    if (!isBytes) return;
    if (place === 'in envelope') {
      if (number === UNKNOWN.typeMeta) assertKind(kind, decode(TYPE_META, bytes, start, end).kind);
    } else if (number === METADATA) meta = decode(LIST_META, bytes, start, end);
    else if (number === ITEMS) tell(decode(schema, bytes, start, end));
  };

  /** Reads what comes next, as soon as all of it is there: false until then. */
  const step = (): boolean => {
    if (place === 'before') return open();
    if (place === 'in list' && left === 0) place = 'in envelope';
    const head = headAt(window);
    if (head === undefined) return false;
    if (place === 'in envelope' && head.number === UNKNOWN.raw && head.isBytes) return enterList(head);
    const length = head.end - window.start;
    assertLength(length, place === 'in list' ? left : Infinity);
    if (head.end > window.end) return false;
    take(head);
    if (place === 'in list') left -= length;
    window.drop(length);
    return true;
  };

  return {
    push: (chunk) => {
      window.add(chunk);
      while (step());
    },
    end: () => {
      if (!hasList || left > 0 || window.end > window.start) throw new MalformedMessage('it ends too early');
      return meta;
    },
  };
}

/** What can never come to its end is refused at its beginning. */
function assertLength(length: number, left: number): void {
  if (length > MAX_OBJECT_BYTES) throw new MalformedMessage(`a field of ${length} bytes is longer than any object`);
  if (length > left) throw new MalformedMessage('a field is longer than its list');
}

function assertKind(kind: string, found = ''): void {
  if (found !== `${kind}List`) throw new MalformedMessage(`it is a ${found}, not a ${kind}List`);
}

/** Undefined while not even the beginning of the next field is there. */
function headAt({ bytes, start, end }: Window): Head | undefined {
  const source: Source = { bytes, at: start };
  if (!hasVarint(bytes, source.at, end)) return undefined;
  const tag = readVarint(source, end);
  const [number, wireType, isBytes] = [tag >>> 3, tag & 7, (tag & 7) === WIRE.bytes];
  if ((isBytes || wireType === WIRE.varint) && !hasVarint(bytes, source.at, end)) return undefined;
  if (isBytes) {
    const length = readVarint(source, end);
    if (length < 0) throw new MalformedMessage('a field has a negative length');
    return { number, isBytes, start: source.at, end: source.at + length };
  }
  const value = source.at;
  skipValue(source, wireType, Infinity);
  return { number, isBytes, start: value, end: source.at };
}
