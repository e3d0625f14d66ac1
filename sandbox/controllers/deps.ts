import type { KubeClient } from '../../src/kube/client.ts';
import type { Log } from '../../src/model/log.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import type {
  CsiStorageCapacity,
  KubeObject,
  Node,
  NodeLocalStorage,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../../src/model/objects.ts';
import type { VolumeSnapshotContent } from '../../src/model/snapshot-objects.ts';
import type { EventObject } from '../../src/kube/events/event-object.ts';
import type { Deployment, Job, ReplicaSet, StatefulSet, TakenSnapshot } from './kinds.ts';
import type { Store } from './store.ts';
import { type Resource } from '../../src/kube/resource.ts';

/** Objects of the API server: one store for each kind that a stand-in or the report reads. */
export interface Stores {
  readonly pods: Store<Pod>;
  readonly nodes: Store<Node>;
  readonly claims: Store<PersistentVolumeClaim>;
  readonly volumes: Store<PersistentVolume>;
  readonly classes: Store<StorageClass>;
  readonly statefulSets: Store<StatefulSet>;
  readonly replicaSets: Store<ReplicaSet>;
  readonly deployments: Store<Deployment>;
  readonly jobs: Store<Job>;
  readonly nodeStorages: Store<NodeLocalStorage>;
  readonly localVolumes: Store<LocalVolume>;
  readonly capacities: Store<CsiStorageCapacity>;
  readonly events: Store<EventObject>;
}

/** Stores of the kinds that a cluster gets with snapshot-controller. */
export interface SnapshotStores {
  readonly snapshots: Store<TakenSnapshot>;
  readonly snapshotContents: Store<VolumeSnapshotContent>;
}

/** Stores that kubelets read. */
export type KubeletStores = Pick<Stores, 'pods' | 'nodes' | 'claims' | 'volumes'>;

/** Records an Event about an object; never fails and never waits. */
export type RecordEvent = (
  resource: Resource,
  about: KubeObject,
  event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string },
) => void;

/** Dependencies of a stand-in, which knows the cluster only through the API server. */
export interface Deps {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly record: RecordEvent;
  readonly log: Log;
}
