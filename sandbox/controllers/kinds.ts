import type { KubeObject, ObjectMeta, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
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
  VOLUMES,
  type Resource,
} from '../../src/kube/resource.ts';

/** Kinds of which only the stand-ins know, with the fields that they use. */

export interface StatefulSet extends KubeObject {
  spec?: {
    replicas?: number;
    serviceName?: string;
    podManagementPolicy?: 'OrderedReady' | 'Parallel';
    selector?: { matchLabels?: Record<string, string> };
    template?: { metadata?: ObjectMeta; spec?: NonNullable<Pod['spec']> };
    volumeClaimTemplates?: PersistentVolumeClaim[];
  };
  status?: { replicas?: number; readyReplicas?: number };
}

export interface CsiNode extends KubeObject {
  spec: { drivers: { name: string; nodeID: string; topologyKeys?: string[] }[] };
}

export const STATEFUL_SETS: Resource<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
};
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
const SERVICES: Resource = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };

const KNOWN: readonly Resource[] = [
  PODS,
  NODES,
  CLAIMS,
  VOLUMES,
  STORAGE_CLASSES,
  NODE_LOCAL_STORAGES,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  STATEFUL_SETS,
  EVENTS,
  CSI_NODES,
  CSI_DRIVERS,
  SERVICES,
];

/** Finds where objects of this kind are served; undefined for a kind that the sandbox does not know. */
export const findKind = (kind: string, apiVersion?: string): Resource | undefined =>
  KNOWN.find(
    (resource) => resource.kind === kind && (apiVersion === undefined || apiVersionOf(resource) === apiVersion),
  );
