import type { Change, Collection } from './collection.ts';
import { expired } from './failure.ts';
import type { Selection } from './selection.ts';
import { type EventType, Version } from './version.ts';

/** Where a watch's events go. */
export interface Sink {
  event(type: EventType, version: Version): void;
}

export interface WatchStart {
  readonly collection: Collection;
  readonly selection: Selection;
  /** After which revision; undefined: everything that is there now, as ADDED, and then what changes. */
  readonly after: number | undefined;
}

/**
 * Sends what has happened since, and everything from now on. Returns the function that ends it. Throws 410 when too
 * much is forgotten.
 */
export function startWatch({ collection, selection, after }: WatchStart, sink: Sink): () => void {
  const send = (change: Change) => {
    const seen = asSeen(change, selection);
    if (seen !== undefined) sink.event(seen.type, seen.version);
  };
  if (after === undefined) {
    for (const version of collection.list(selection.prefix))
      if (selection.matches(version)) sink.event('ADDED', version);
  } else {
    const missed = collection.changesAfter(after);
    if (missed === undefined) throw expired(`too old resource version: ${after} (${collection.oldest()})`);
    for (const change of missed) send(change);
  }
  return collection.subscribe(send);
}

/** To a watch with a selector, an object that starts or stops to match comes or goes. */
function asSeen(change: Change, selection: Selection): { type: EventType; version: Version } | undefined {
  const { type, now, before, revision } = change;
  const was = before !== undefined && selection.matches(before);
  if (type === 'DELETED') return was ? { type, version: now } : undefined;
  if (selection.matches(now)) return { type: was ? 'MODIFIED' : 'ADDED', version: now };
  if (!was) return undefined;
  // As it last matched, under the revision at which it went.
  const metadata = { ...before.object.metadata, resourceVersion: String(revision) };
  const last = new Version({ key: now.key, revision, object: { ...before.object, metadata }, owners: before.owners });
  return { type: 'DELETED', version: last };
}
