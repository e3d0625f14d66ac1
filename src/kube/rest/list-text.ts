import { parsedJson } from '../../model/parsed-json.ts';

/**
 * What a list is besides its objects:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
export interface RawList<T> {
  readonly kind?: string;
  readonly items?: Iterable<T> | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

const ITEMS = '"items":[';

/**
 * Reads a list from its text, each object only when it is asked for, once. An object that is dropped before the next is
 * read costs the garbage collector almost nothing; those of a page that is parsed as a whole survive its first rounds.
 * Falls back to JSON.parse wherever the text is not as API servers write it; throws what that throws, also while
 * `items` is read.
 */
export function readList<T>(text: string): RawList<T> {
  const first = text.indexOf(ITEMS);
  const [start, end] = [first + ITEMS.length, text.lastIndexOf(']')];
  const around =
    first < 0 || end < start
      ? undefined
      : (parsedJson(text.slice(0, start) + text.slice(end)) as RawList<T> | undefined);
  // Otherwise the brackets are those of something else.
  const isList = Array.isArray(around?.items) && around.items.length === 0 && around.metadata !== undefined;
  return isList ? { ...around, items: objectsOf<T>({ text, start, end }) } : (JSON.parse(text) as RawList<T>);
}

/** A list, and where its items are in it. */
interface ItemsText {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/**
 * No JSON object is the beginning of another one: what parses up to a possible end of an object is that object. So a
 * guess at where it ends may be wrong, but not unnoticed.
 */
function* objectsOf<T>({ text, start, end }: ItemsText): Generator<T> {
  const items = text.slice(start, end);
  const between = `},${/^\{"[^"\\]*":/.exec(items)?.[0] ?? '{'}`;
  for (let [at, count] = [0, 0]; at < items.length; count += 1) {
    const cut = items.indexOf(between, at);
    const until = cut < 0 ? items.length : cut + 1;
    const object = parsedJson(items.slice(at, until)) as T | undefined;
    if (object === undefined) {
      yield* [...((JSON.parse(text) as RawList<T>).items ?? [])].slice(count);
      return;
    }
    yield object;
    at = until + 1;
  }
}
