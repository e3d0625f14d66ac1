import { type Collection, createCollection } from './collection.ts';
import type { Stored } from './json.ts';
import type { Owners } from './owners.ts';
import { Version } from './version.ts';

/** All objects, under one count of revisions, as in etcd. */
export interface Store {
  /** The number of the last write. */
  revision(): number;
  collection(id: string): Collection;
  /** Writes an object whose resourceVersion it sets; `object` belongs to the store from here on. */
  put(id: string, key: string, object: Stored, owners: Owners): Version;
  /** Removes an object that is there. */
  remove(id: string, key: string): Version;
  /** Forgets all history: every watch and page from before answers 410. */
  compact(): void;
}

/** An empty store; each collection remembers at least `historyLimit` changes. */
export function createStore(historyLimit: number): Store {
  let revision = 1;
  const collections = new Map<string, Collection>();
  function collection(id: string): Collection {
    let found = collections.get(id);
    if (found === undefined) {
      found = createCollection(historyLimit);
      collections.set(id, found);
    }
    return found;
  }

  return {
    revision: () => revision,
    collection,
    put(id, key, object, owners) {
      const objects = collection(id);
      const before = objects.get(key);
      revision += 1;
      object.metadata.resourceVersion = String(revision);
      const now = new Version({ key, revision, object, owners });
      objects.commit({ type: before === undefined ? 'ADDED' : 'MODIFIED', revision, now, before });
      return now;
    },
    remove(id, key) {
      const objects = collection(id);
      const before = objects.get(key);
      if (before === undefined) throw new RangeError(`${id} has no ${key}`);
      revision += 1;
      const metadata = { ...before.object.metadata, resourceVersion: String(revision) };
      const now = new Version({ key, revision, object: { ...before.object, metadata }, owners: before.owners });
      objects.commit({ type: 'DELETED', revision, now, before });
      return now;
    },
    compact() {
      for (const objects of collections.values()) objects.compact(revision);
    },
  };
}
