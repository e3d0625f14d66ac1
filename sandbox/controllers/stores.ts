import type { KubeClient } from '../../src/kube/client.ts';
import type { Log } from '../../src/model/log.ts';
import { createInformer, type Informer } from '../../src/kube/follow/informer.ts';
import {
  apiVersionOf,
  CLAIMS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CAPACITIES,
  STORAGE_CLASSES,
  VOLUME_SNAPSHOT_CONTENTS,
  VOLUME_SNAPSHOTS,
  VOLUMES,
  type Resource,
} from '../../src/kube/resource.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { KubeletStores, SnapshotStores, Stores } from './deps.ts';
import { EVENTS } from '../../src/kube/events/event-object.ts';
import { DEPLOYMENTS, JOBS, REPLICA_SETS, STATEFUL_SETS, type TakenSnapshot } from './kinds.ts';
import type { Store } from './store.ts';

/** Follows every kind in `Stores` until the signal; resolves once all of them are complete. */
export function openStores(client: KubeClient, log: Log, signal: AbortSignal): Promise<Stores> {
  return follow(
    (open) => ({
      pods: open(PODS),
      nodes: open(NODES),
      claims: open(CLAIMS),
      volumes: open(VOLUMES),
      classes: open(STORAGE_CLASSES),
      statefulSets: open(STATEFUL_SETS),
      replicaSets: open(REPLICA_SETS),
      deployments: open(DEPLOYMENTS),
      jobs: open(JOBS),
      nodeStorages: open(NODE_LOCAL_STORAGES),
      localVolumes: open(LOCAL_VOLUMES),
      capacities: open(STORAGE_CAPACITIES),
      events: open(EVENTS),
    }),
    { client, log },
    signal,
  );
}

/** Follows the kinds of a cluster with snapshots until the signal. */
export function openSnapshotStores(client: KubeClient, log: Log, signal: AbortSignal): Promise<SnapshotStores> {
  return follow(
    (open) => ({
      snapshots: open<TakenSnapshot>(VOLUME_SNAPSHOTS),
      snapshotContents: open(VOLUME_SNAPSHOT_CONTENTS),
    }),
    { client, log },
    signal,
  );
}

/** Follows the kinds that kubelets read. */
export function openKubeletStores(client: KubeClient, log: Log, signal: AbortSignal): Promise<KubeletStores> {
  return follow(
    (open) => ({ pods: open(PODS), nodes: open(NODES), claims: open(CLAIMS), volumes: open(VOLUMES) }),
    { client, log },
    signal,
  );
}

type Open = <T extends KubeObject>(resource: Resource<T>) => Store<T>;

async function follow<S>(
  stores: (open: Open) => S,
  { client, log }: { readonly client: KubeClient; readonly log: Log },
  signal: AbortSignal,
): Promise<S> {
  const synced: Promise<void>[] = [];
  const open: Open = <T extends KubeObject>(resource: Resource<T>) => {
    // Items of a list carry no `kind`; readers of the stores need one.
    const kind = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    const informer = createInformer<T, T>({ client, resource, log, project: (object) => ({ ...object, ...kind }) });
    void informer.run(signal);
    synced.push(informer.whenSynced(signal));
    return storeOf(informer);
  };
  const opened = stores(open);
  await Promise.all(synced);
  return opened;
}

const storeOf = <T extends KubeObject>(informer: Informer<T, T>): Store<T> => ({
  get: (key) => informer.get(key),
  list: () => [...informer.values.values()],
  subscribe: (listener) => {
    let present = true;
    const changed = (object: T): void => {
      if (!present) listener(object, false);
    };
    const unsubscribe = informer.subscribe({ changed, deleted: (object) => listener(object, true) });
    present = false;
    return unsubscribe;
  },
});
