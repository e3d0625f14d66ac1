import type { KubeClient } from '../kube/client.ts';
import type { Log } from '../kube/log.ts';
import { createReflector } from '../kube/reflector.ts';
import {
  apiVersionOf,
  CLAIMS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUMES,
  type Resource,
} from '../kube/resource.ts';
import type { KubeObject } from '../model/objects.ts';
import type { Stores } from './deps.ts';
import { EVENTS } from '../kube/event-object.ts';
import { STATEFUL_SETS } from './kinds.ts';
import type { Store } from './store.ts';

/** Follows every kind in `Stores` until the signal; resolves once all of them are complete. */
export async function openStores(client: KubeClient, log: Log, signal: AbortSignal): Promise<Stores> {
  const synced: Promise<void>[] = [];
  const open = <T extends KubeObject>(resource: Resource<T>): Store<T> => {
    // Items of a list do not say of what kind they are; those who receive them here want to know.
    const kind = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    const reflector = createReflector<T, T>({ client, resource, log, project: (object) => ({ ...object, ...kind }) });
    void reflector.run(signal);
    synced.push(reflector.whenSynced(signal));
    return {
      get: (key) => reflector.get(key),
      list: () => [...reflector.values.values()],
      subscribe: (listener) => {
        let present = true;
        const changed = (object: T): void => {
          if (!present) listener(object, false);
        };
        const unsubscribe = reflector.subscribe({ changed, deleted: (object) => listener(object, true) });
        present = false;
        return unsubscribe;
      },
    };
  };
  const stores: Stores = {
    pods: open(PODS),
    nodes: open(NODES),
    claims: open(CLAIMS),
    volumes: open(VOLUMES),
    classes: open(STORAGE_CLASSES),
    statefulSets: open(STATEFUL_SETS),
    nodeStorages: open(NODE_LOCAL_STORAGES),
    localVolumes: open(LOCAL_VOLUMES),
    events: open(EVENTS),
  };
  await Promise.all(synced);
  return stores;
}
