import { conflict, forbidden, notFound } from './failure.ts';
import type { Stored } from './json.ts';
import { idOf, type Kind } from './kind.ts';
import { timestamp } from './meta.ts';
import type { Store } from './store.ts';
import type { DeleteOptions } from './options.ts';
import { keyOf, Version } from './version.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

export interface RemovalDeps {
  readonly store: Store;
  readonly now: () => number;
}

/** The object's last state, and whether it is gone already. */
export interface Removed {
  readonly version: Version;
  readonly gone: boolean;
}

const ETERNAL = new Set(['default', 'kube-system', 'kube-public']);

/**
 * Deletes one object, or marks it deleted while finalizers or its grace period hold it. Throws 404, and 409 for a
 * precondition. What depends on it (ownerReferences) is left to controllers, which a finalizer tells of the policy.
 */
export function remove(
  deps: RemovalDeps,
  kind: Kind,
  key: { namespace: string | undefined; name: string },
  request: DeleteOptions,
): Removed {
  const version = deps.store.collection(idOf(kind)).get(keyOf(key.namespace, key.name));
  if (version === undefined) throw notFound(kind, key.name);
  checkPreconditions(kind, version.object, request);
  if (kind.plural === 'namespaces' && ETERNAL.has(key.name))
    throw forbidden(kind, key.name, 'this namespace may not be deleted');

  const seconds = graceOf(kind, version.object, request);
  const id = idOf(kind);
  const held = withPropagation(version.object, request.propagation);
  if (seconds === 0 && !isHeld(kind, held)) {
    if (!request.dryRun) deps.store.remove(id, version.key);
    return { version: parting(kind, version, deps.now()), gone: true };
  }
  const isNews = held !== version.object || seconds < pendingSeconds(version.object);
  if (request.dryRun || !isNews) return { version, gone: false };
  const object = marked(held, Math.min(seconds, pendingSeconds(version.object)), deps.now());
  return { version: deps.store.put(id, version.key, object, version.owners), gone: false };
}

/** By these finalizers the garbage collector learns what is asked of it; it takes them off (garbagecollector.go). */
const OF_POLICY = { Orphan: ORPHAN, Foreground: FOREGROUND } as const;

/** The object with the finalizer of this policy and not that of the other one; itself when nothing changes. */
function withPropagation(object: Stored, propagation: DeleteOptions['propagation']): Stored {
  if (propagation === undefined) return object;
  const { finalizers = [] } = object.metadata;
  const wanted = propagation === 'Background' ? [] : [OF_POLICY[propagation]];
  const next = [...finalizers.filter((one) => one !== ORPHAN && one !== FOREGROUND), ...wanted];
  if (next.toSorted().join(' ') === finalizers.toSorted().join(' ')) return object;
  return { ...object, metadata: { ...object.metadata, finalizers: next } };
}

const isHeld = (kind: Kind, { metadata }: Stored): boolean =>
  (metadata.finalizers ?? []).length > 0 || (kind.plural === 'namespaces' && !kind.custom);

/** What an earlier delete left it; without end when there was none. */
const pendingSeconds = ({ metadata }: Stored): number =>
  metadata.deletionTimestamp === undefined ? Number.POSITIVE_INFINITY : (metadata.deletionGracePeriodSeconds ?? 0);

/** The answer to a delete that was done at once. For what has a grace period it says that none was left. */
function parting(kind: Kind, { key, revision, object, owners }: Version, now: number): Version {
  const last = kind.rules.graceSeconds === undefined ? object : marked(object, 0, now);
  return new Version({ key, revision, object: last, owners });
}

function graceOf(kind: Kind, object: Stored, request: DeleteOptions): number {
  const usual = kind.rules.graceSeconds?.(object) ?? 0;
  return usual === 0 ? 0 : (request.gracePeriodSeconds ?? usual);
}

function marked(object: Stored, seconds: number, now: number): Stored {
  const { metadata } = object;
  const first = metadata.deletionTimestamp === undefined;
  const result: Stored = {
    ...object,
    metadata: {
      ...metadata,
      deletionTimestamp: timestamp(now + seconds * 1000),
      deletionGracePeriodSeconds: seconds,
      // Being deleted is a change of what is wanted.
      ...(first && metadata.generation !== undefined ? { generation: metadata.generation + 1 } : {}),
    },
  };
  if (object.kind === 'Namespace' && object.apiVersion === 'v1') {
    result['status'] = { phase: 'Terminating' };
    delete result.metadata.deletionGracePeriodSeconds;
  }
  return result;
}

function checkPreconditions(kind: Kind, object: Stored, request: DeleteOptions): void {
  const { uid, resourceVersion } = request.preconditions ?? {};
  const name = object.metadata.name ?? '';
  const about = { ...kind, plural: kind.kind };
  if (uid && uid !== object.metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${object.metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(about, name, why);
  }
  if (resourceVersion && resourceVersion !== object.metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${object.metadata.resourceVersion}). The object might have been modified`;
    throw conflict(about, name, why);
  }
}
