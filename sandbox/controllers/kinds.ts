import type { KubeObject, ObjectMeta, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import type { VolumeSnapshot } from '../../src/model/snapshot-objects.ts';
import { EVENTS } from '../../src/kube/events/event-object.ts';
import {
  apiVersionOf,
  CLAIMS,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_SNAPSHOT_CONTENTS,
  VOLUME_SNAPSHOTS,
  VOLUMES,
  type Resource,
} from '../../src/kube/resource.ts';

/** Kinds of which only the stand-ins know, with the fields that they use. */

/** Its values are base64. */
export interface Secret extends KubeObject {
  data?: Record<string, string>;
}

export const SECRETS: Resource<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

/** What the template of a controller says of its pods. */
export interface PodTemplate {
  metadata?: ObjectMeta;
  spec?: NonNullable<Pod['spec']> & { restartPolicy?: string };
}

export interface StatefulSet extends KubeObject {
  spec?: {
    replicas?: number;
    serviceName?: string;
    podManagementPolicy?: 'OrderedReady' | 'Parallel';
    selector?: { matchLabels?: Record<string, string> };
    template?: PodTemplate;
    volumeClaimTemplates?: PersistentVolumeClaim[];
  };
  status?: { replicas?: number; readyReplicas?: number };
}

export interface ReplicaSet extends KubeObject {
  spec?: { replicas?: number; selector?: { matchLabels?: Record<string, string> }; template?: PodTemplate };
  status?: { replicas?: number; readyReplicas?: number };
}

export interface Deployment extends KubeObject {
  spec?: NonNullable<ReplicaSet['spec']> & { strategy?: { type?: 'RollingUpdate' | 'Recreate' } };
  status?: { replicas?: number; readyReplicas?: number };
}

export interface Job extends KubeObject {
  spec?: { parallelism?: number; completions?: number; template?: PodTemplate };
  status?: { active?: number; succeeded?: number; startTime?: string; completionTime?: string };
}

export interface CsiNode extends KubeObject {
  spec: { drivers: { name: string; nodeID: string; topologyKeys?: string[] }[] };
}

export interface TakenSnapshot extends VolumeSnapshot {
  spec?: { volumeSnapshotClassName?: string; source?: { persistentVolumeClaimName?: string } };
  status?: NonNullable<VolumeSnapshot['status']> & { restoreSize?: string };
}

export interface VolumeSnapshotClass extends KubeObject {
  driver: string;
  deletionPolicy: string;
  parameters?: Record<string, string>;
}

export const VOLUME_SNAPSHOT_CLASSES: Resource<VolumeSnapshotClass> = {
  group: 'snapshot.storage.k8s.io',
  version: 'v1',
  plural: 'volumesnapshotclasses',
  kind: 'VolumeSnapshotClass',
  namespaced: false,
};
/** The kinds that a cluster gets with snapshot-controller. */
export const SNAPSHOT_KINDS: readonly Resource[] = [
  VOLUME_SNAPSHOTS,
  VOLUME_SNAPSHOT_CONTENTS,
  VOLUME_SNAPSHOT_CLASSES,
];

export const STATEFUL_SETS: Resource<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
};
export const REPLICA_SETS: Resource<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};
export const DEPLOYMENTS: Resource<Deployment> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};
export const JOBS: Resource<Job> = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true };
export const CSI_NODES: Resource<CsiNode> = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'csinodes',
  kind: 'CSINode',
  namespaced: false,
};
const CSI_DRIVERS: Resource = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'csidrivers',
  kind: 'CSIDriver',
  namespaced: false,
};
const ATTRIBUTES_CLASSES: Resource = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'volumeattributesclasses',
  kind: 'VolumeAttributesClass',
  namespaced: false,
};
const SERVICE_ACCOUNTS: Resource = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};
const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: false };
const CLUSTER_ROLES: Resource = { ...RBAC, plural: 'clusterroles', kind: 'ClusterRole' };
const CLUSTER_ROLE_BINDINGS: Resource = { ...RBAC, plural: 'clusterrolebindings', kind: 'ClusterRoleBinding' };
const SERVICES: Resource = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };

const KNOWN: readonly Resource[] = [
  SERVICE_ACCOUNTS,
  CLUSTER_ROLES,
  CLUSTER_ROLE_BINDINGS,
  PODS,
  NODES,
  CLAIMS,
  VOLUMES,
  STORAGE_CLASSES,
  NODE_LOCAL_STORAGES,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  STATEFUL_SETS,
  REPLICA_SETS,
  DEPLOYMENTS,
  JOBS,
  EVENTS,
  CSI_NODES,
  CSI_DRIVERS,
  SERVICES,
  SECRETS,
  ATTRIBUTES_CLASSES,
  ...SNAPSHOT_KINDS,
];

/** Finds where objects of this kind are served; undefined for a kind that the sandbox does not know. */
export const findKind = (kind: string, apiVersion?: string): Resource | undefined =>
  KNOWN.find(
    (resource) => resource.kind === kind && (apiVersion === undefined || apiVersionOf(resource) === apiVersion),
  );
