import type { KubeObject } from '../../model/objects.ts';
import { mapView } from './map-view.ts';
import { compareVersions } from './resource-version.ts';

/** What became of one object: `before` is absent for a new one, `now` for one that is gone. */
export interface Change<P> {
  readonly before?: P;
  readonly now?: P;
}

/** The objects of one kind as last heard, in the form that `project` gives them. Pure bookkeeping: no IO, no clock. */
export interface ObjectCache<T extends KubeObject, P> {
  /** By `namespace/name`, or `name`. */
  readonly values: ReadonlyMap<string, P>;
  /** The resourceVersion up to which everything was heard; empty while only a new list can tell. */
  version(): string;
  /** What one event of the watch changes. */
  hear(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): Change<P>[];
  hearVersion(version: string): void;
  /** A list must be heard next. */
  startList(): void;
  /** What one object of the list changes. */
  listed(object: T): Change<P>[];
  /** Ends a list. The changes are the objects that the list did not have: they are gone. */
  endList(version: string): Change<P>[];
  /** Takes in the answer to a write of our own ahead of its event; changes nothing when the watch has got further. */
  wrote(object: T): Change<P>[];
}

interface Entry<P> {
  readonly uid: string | undefined;
  readonly version: KeptVersion;
  readonly value: P;
}

/** A number that V8 keeps in the field itself, where a text would take 24 bytes more for each object. */
type KeptVersion = string | number;
const SMALL = /^[1-9][0-9]{0,8}$/;
const kept = (version: string): KeptVersion => (SMALL.test(version) ? Number(version) : version);

/** `namespace/name`, or `name` for a cluster-scoped object. */
export const objectKey = ({ metadata: { namespace, name = '' } }: KubeObject): string =>
  namespace ? `${namespace}/${name}` : name;

const versionOf = (object: KubeObject): string => object.metadata.resourceVersion ?? '';
const isOlder = (a: string, b: KeptVersion): boolean => (compareVersions(a, String(b)) ?? 0) < 0;

/** `project` may throw, and so does the call then; the object's entry stays as it was. */
export function createObjectCache<T extends KubeObject, P>(project: (object: T) => P): ObjectCache<T, P> {
  const entries = new Map<string, Entry<P>>();
  let version = '';
  let inList = new Set<string>();

  const remove = (key: string): Change<P>[] => {
    const known = entries.get(key);
    entries.delete(key);
    return known ? [{ before: known.value }] : [];
  };

  const store = (object: T): Change<P>[] => {
    const key = objectKey(object);
    const now = project(object);
    // Read after: the projection shares its texts with other objects.
    const { uid } = object.metadata;
    // Another uid: what we knew is gone, though we missed its end.
    const gone = entries.get(key)?.uid === uid ? [] : remove(key);
    const known = entries.get(key);
    const change = known ? { before: known.value, now } : { now };
    entries.set(key, { uid, version: kept(versionOf(object)), value: now });
    return [...gone, change];
  };

  const isSame = (object: T, known: Entry<P>): boolean =>
    known.version === kept(versionOf(object)) && known.uid === object.metadata.uid;

  /** A write of our own may be ahead of the watch, and after a reconnect an event may come twice. */
  const isPast = (object: T): boolean => {
    const known = entries.get(objectKey(object));
    return known !== undefined && (isSame(object, known) || isOlder(versionOf(object), known.version));
  };

  return {
    values: mapView(entries, ({ value }) => value),
    version: () => version,
    hear: (type, object) => {
      version = versionOf(object);
      if (type !== 'DELETED') return isPast(object) ? [] : store(object);
      const key = objectKey(object);
      return isOlder(version, entries.get(key)?.version ?? '') ? [] : remove(key);
    },
    hearVersion: (heard) => {
      version = heard;
    },
    startList: () => {
      version = '';
      inList = new Set();
    },
    // A list is the truth even where its versions are lower than ours: etcd may have been restored from a backup.
    listed: (object) => {
      const key = objectKey(object);
      inList.add(key);
      const known = entries.get(key);
      return known && isSame(object, known) ? [] : store(object);
    },
    endList: (listVersion) => {
      version = listVersion;
      const gone = [...entries.keys()].filter((key) => !inList.has(key));
      inList = new Set();
      return gone.flatMap(remove);
    },
    // What the watch is past it has told, perhaps followed by the object's end; during a list nothing is known to be
    // newer.
    wrote: (object) => (isOlder(version, versionOf(object)) && !isPast(object) ? store(object) : []),
  };
}
