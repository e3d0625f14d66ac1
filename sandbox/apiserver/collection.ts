import type { EventType, Version } from './version.ts';

/** One write as watches see it. For DELETED `now` is the last state, under the revision of the removal. */
export interface Change {
  readonly type: EventType;
  readonly revision: number;
  readonly now: Version;
  readonly before: Version | undefined;
}

/** The objects of one kind, in the order of their keys, with the latest part of their history. */
export interface Collection {
  get(key: string): Version | undefined;
  /** All whose key starts with `prefix`, in order. */
  list(prefix: string): readonly Version[];
  /** The same as it was at `revision`; undefined when the history does not reach back so far. */
  listAt(prefix: string, revision: number): readonly Version[] | undefined;
  /** What happened after `revision`; undefined when the history does not reach back so far. */
  changesAfter(revision: number): readonly Change[] | undefined;
  /** The oldest revision `changesAfter` answers for. */
  oldest(): number;
  commit(change: Change): void;
  /** Calls `listener` with every change from now on. Returns the function that ends it. */
  subscribe(listener: (change: Change) => void): () => void;
  /** Forgets the history up to `revision`. */
  compact(revision: number): void;
}

/** An empty collection that remembers at least `historyLimit` changes, and at most twice as many. */
export function createCollection(historyLimit: number): Collection {
  const versions = new Map<string, Version>();
  let keys: string[] = [];
  let history: Change[] = [];
  let oldest = 0;
  const listeners = new Set<(change: Change) => void>();

  function forget(count: number): void {
    const last = history[count - 1];
    if (last === undefined) return;
    oldest = Math.max(oldest, last.revision);
    history = history.slice(count);
  }

  const collection: Collection = {
    get: (key) => versions.get(key),
    list(prefix) {
      const found: Version[] = [];
      for (let i = lowerBound(keys, prefix); i < keys.length; i += 1) {
        const key = keys[i] as string;
        if (!key.startsWith(prefix)) break;
        found.push(versions.get(key) as Version);
      }
      return found;
    },
    listAt(prefix, revision) {
      const changes = collection.changesAfter(revision);
      if (changes === undefined) return undefined;
      const then = new Map(collection.list(prefix).map((version) => [version.key, version]));
      for (const { now, before } of changes.toReversed()) {
        if (!now.key.startsWith(prefix)) continue;
        if (before === undefined) then.delete(now.key);
        else then.set(now.key, before);
      }
      return [...then.values()].toSorted((a, b) => compare(a.key, b.key));
    },
    changesAfter: (revision) => (revision < oldest ? undefined : history.slice(firstAfter(history, revision))),
    oldest: () => oldest,
    commit(change) {
      const { key } = change.now;
      if (change.type === 'DELETED') {
        versions.delete(key);
        keys.splice(lowerBound(keys, key), 1);
      } else {
        if (!versions.has(key)) keys.splice(lowerBound(keys, key), 0, key);
        versions.set(key, change.now);
      }
      history.push(change);
      if (history.length >= 2 * historyLimit) forget(history.length - historyLimit);
      for (const listener of listeners) listener(change);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    compact(revision) {
      forget(firstAfter(history, revision));
      oldest = Math.max(oldest, revision);
    },
  };
  return collection;
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  return search(keys.length, (i) => (keys[i] as string) >= key);
}

function firstAfter(history: readonly Change[], revision: number): number {
  return search(history.length, (i) => (history[i] as Change).revision > revision);
}

/** The first index for which `reached` holds, given that it holds for all after it. */
function search(length: number, reached: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
