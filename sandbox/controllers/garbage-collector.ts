import type { Resource } from '../../src/kube/resource.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import { unlessGone } from '../../src/kube/find.ts';
import { withoutFinalizer } from '../../src/kube/without-finalizer.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { Deps } from './deps.ts';
import { DEPLOYMENTS, JOBS, REPLICA_SETS, STATEFUL_SETS } from './kinds.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey, type Store } from './store.ts';

/** Finalizers by which the API server says what a delete asked for: `--cascade=orphan` and `--cascade=foreground`. */
const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

interface Followed {
  readonly resource: Resource;
  readonly store: Store<KubeObject>;
}

/** What owns others here, or is owned. */
const followed = ({ stores }: Deps): readonly Followed[] => [
  { resource: DEPLOYMENTS, store: stores.deployments },
  { resource: REPLICA_SETS, store: stores.replicaSets },
  { resource: STATEFUL_SETS, store: stores.statefulSets },
  { resource: JOBS, store: stores.jobs },
  { resource: PODS, store: stores.pods },
  { resource: CLAIMS, store: stores.claims },
];

/**
 * Stands in for garbage collection as far as a delete asks for it: it takes the owner off what is to stay, or deletes
 * what is to go first, and then lets the owner go. What a deleted owner leaves otherwise its own controller deletes.
 * Keys are `Kind namespace/name` of owners.
 */
export function createGarbageCollector(deps: Deps): StandIn {
  const kinds = followed(deps);
  return {
    name: 'garbage-collector',
    wakes: kinds.flatMap(({ resource: { kind }, store }) => [
      onChange(store, (object) => (isAsked(object) ? [`${kind} ${keyOf(object)}`] : [])),
      onChange(store, ({ metadata: { namespace = '', ownerReferences = [] } }) =>
        ownerReferences.map((owner) => `${owner.kind} ${namespace}/${owner.name}`),
      ),
    ]),
    reconcile: async (key, signal) => {
      const [kind, at = ''] = key.split(' ');
      const found = kinds.find(({ resource }) => resource.kind === kind);
      const owner = found?.store.get(at);
      if (!found || !owner || !isAsked(owner)) return;
      const isOrphaning = owner.metadata.finalizers?.includes(ORPHAN) ?? false;
      const left = isOrphaning
        ? await orphan(owner, kinds, deps, signal)
        : await deleteFirst(owner, kinds, deps, signal);
      if (left > 0) return;
      const patch = withoutFinalizer(owner.metadata, isOrphaning ? ORPHAN : FOREGROUND);
      if (patch) await unlessGone(deps.client.patch(found.resource, splitKey(at), patch, signal));
    },
  };
}

const isAsked = ({ metadata: { deletionTimestamp, finalizers = [] } }: KubeObject): boolean =>
  deletionTimestamp !== undefined && (finalizers.includes(ORPHAN) || finalizers.includes(FOREGROUND));

/** Asks the API server itself: a store may not have what was just made. */
async function dependentsOf(
  { metadata: { uid, namespace } }: KubeObject,
  kinds: readonly Followed[],
  { client }: Deps,
  signal: AbortSignal,
): Promise<{ readonly resource: Resource; readonly object: KubeObject }[]> {
  const lists = kinds.map(async ({ resource }) => {
    const { items } = await client.list(resource, namespace === undefined ? {} : { namespace }, signal);
    return items.map((object) => ({ resource, object }));
  });
  return (await Promise.all(lists))
    .flat()
    .filter(({ object }) => object.metadata.ownerReferences?.some((owner) => owner.uid === uid));
}

async function orphan(owner: KubeObject, kinds: readonly Followed[], deps: Deps, signal: AbortSignal): Promise<number> {
  for (const { resource, object } of await dependentsOf(owner, kinds, deps, signal)) {
    const { ownerReferences = [], resourceVersion } = object.metadata;
    const others = ownerReferences.filter(({ uid }) => uid !== owner.metadata.uid);
    const metadata = { resourceVersion, ownerReferences: others.length > 0 ? others : null };
    const patch = { type: 'merge', body: { metadata } } as const;
    await unlessGone(deps.client.patch(resource, splitKey(keyOf(object)), patch, signal));
  }
  return 0;
}

/** Returns how many are there still; their going wakes the owner's key again. */
async function deleteFirst(
  owner: KubeObject,
  kinds: readonly Followed[],
  deps: Deps,
  signal: AbortSignal,
): Promise<number> {
  const dependents = await dependentsOf(owner, kinds, deps, signal);
  for (const { resource, object } of dependents.filter((each) => !each.object.metadata.deletionTimestamp)) {
    const { uid = '' } = object.metadata;
    const options = { preconditions: { uid }, propagationPolicy: 'Foreground' } as const;
    await unlessGone(deps.client.delete(resource, splitKey(keyOf(object)), signal, options));
  }
  return dependents.length;
}
