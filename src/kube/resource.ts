import { API_GROUP, API_VERSION } from '../model/well-known.ts';
import type { CsiNode } from '../model/csi-node.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type {
  CsiDriver,
  CsiStorageCapacity,
  InitConfig,
  KubeObject,
  Node,
  NodeLocalStorage,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../model/objects.ts';
import type { MutatingBinding, MutatingPolicy } from '../model/marked-pods.ts';
import type { VolumeSnapshot, VolumeSnapshotContent } from '../model/snapshot-objects.ts';

/** Where a kind of object is served: the pieces of its REST path, and the kind its body carries. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /**
   * A write that has a field which the server does not know is refused. Else the server drops the field, and says so in
   * a header alone.
   */
  readonly strict?: true;
  /** Carries the object's type for the compiler; never present at run time. */
  readonly objectType?: T;
}

/** `v1` or `group/version`, as in an object's apiVersion. */
export const apiVersionOf = (resource: Resource): string =>
  resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;

const core = { group: '', version: 'v1' };
const ours = { group: API_GROUP, version: API_VERSION, namespaced: false };
const storage = { group: 'storage.k8s.io', version: 'v1', namespaced: false };

export const PODS: Resource<Pod> = { ...core, plural: 'pods', kind: 'Pod', namespaced: true };
export const NODES: Resource<Node> = { ...core, plural: 'nodes', kind: 'Node', namespaced: false };
export const CLAIMS: Resource<PersistentVolumeClaim> = {
  ...core,
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  namespaced: true,
};
export const VOLUMES: Resource<PersistentVolume> = {
  ...core,
  plural: 'persistentvolumes',
  kind: 'PersistentVolume',
  namespaced: false,
};
export const STORAGE_CLASSES: Resource<StorageClass> = { ...storage, plural: 'storageclasses', kind: 'StorageClass' };
export const CSI_DRIVERS: Resource<CsiDriver> = { ...storage, plural: 'csidrivers', kind: 'CSIDriver' };
export const CSI_NODES: Resource<CsiNode> = { ...storage, plural: 'csinodes', kind: 'CSINode' };
export const STORAGE_CAPACITIES: Resource<CsiStorageCapacity> = {
  ...storage,
  plural: 'csistoragecapacities',
  kind: 'CSIStorageCapacity',
  namespaced: true,
};
const admission = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false };
/** Since Kubernetes 1.36. */
export const MUTATING_POLICIES: Resource<MutatingPolicy> = {
  ...admission,
  plural: 'mutatingadmissionpolicies',
  kind: 'MutatingAdmissionPolicy',
};
export const MUTATING_BINDINGS: Resource<MutatingBinding> = {
  ...admission,
  plural: 'mutatingadmissionpolicybindings',
  kind: 'MutatingAdmissionPolicyBinding',
};
const snapshots = { group: 'snapshot.storage.k8s.io', version: 'v1' };
export const VOLUME_SNAPSHOTS: Resource<VolumeSnapshot> = {
  ...snapshots,
  plural: 'volumesnapshots',
  kind: 'VolumeSnapshot',
  namespaced: true,
};
export const VOLUME_SNAPSHOT_CONTENTS: Resource<VolumeSnapshotContent> = {
  ...snapshots,
  plural: 'volumesnapshotcontents',
  kind: 'VolumeSnapshotContent',
  namespaced: false,
};
export const NODE_LOCAL_STORAGES: Resource<NodeLocalStorage> = {
  ...ours,
  plural: 'nodelocalstorages',
  kind: 'NodeLocalStorage',
};
export const INIT_CONFIGS: Resource<InitConfig> = {
  ...ours,
  plural: 'nodelocalstorageinitconfigs',
  kind: 'NodeLocalStorageInitConfig',
};
/** Each field of it is an order: without `encryption` or `source` it would order something else. */
export const LOCAL_VOLUMES: Resource<LocalVolume> = {
  ...ours,
  ...{ plural: 'localvolumes', kind: 'LocalVolume', strict: true },
};
