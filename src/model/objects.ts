import type { FailingDisk } from './disk-reasons.ts';
import type { NodeSelectorTerm, Taint, Toleration } from './node-terms.ts';
import type { MediaType } from './storage-class.ts';

/**
 * Kubernetes objects as they are on the wire, only the fields we read or write. Everything may be missing until a codec
 * has looked.
 */

export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** metav1.Condition. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

// --- NodeLocalStorage and NodeLocalStorageInitConfig: the fields of open-local, and additions of ours marked so.

export interface NameFilter {
  include?: string[];
  exclude?: string[];
}

export interface ListConfig {
  vgs?: NameFilter;
  mountPoints?: NameFilter;
  /** `allowWithoutIdentity` is ours: disks that would not be known after a boot are offered to claims too. */
  devices?: NameFilter & { allowWithoutIdentity?: boolean };
}

export interface ResourceToBeInited {
  vgs?: { name: string; devices: string[] }[];
  /** Lower-case p, as open-local spells it here and only here. */
  mountpoints?: { path: string; device: string; fsType?: string; options?: string[] }[];
}

export interface SpdkConfig {
  deviceType?: string;
  rpcSocket?: string;
}

/** What one node, or a set of nodes, should have. */
export interface NodeConfig {
  listConfig?: ListConfig;
  resourceToBeInited?: ResourceToBeInited;
  spdkConfig?: SpdkConfig;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

export interface InitConfig extends KubeObject {
  spec?: {
    globalConfig?: NodeConfig;
    nodesConfig?: (NodeConfig & { selector?: LabelSelector })[];
  };
  /** Ours: whether the configuration could be applied, to how many nodes, and how many of them refuse part of it. */
  status?: { observedGeneration?: number; conditions?: Condition[]; nodes?: { all: number; refused: number } };
}

export type StorageCondition = 'DiskReady' | 'DiskFull' | 'DiskFault';

export interface NlsVolumeGroup {
  name: string;
  physicalVolumes: string[];
  logicalVolumes?: { name: string; vgname: string; total: number; readOnly?: boolean; condition?: StorageCondition }[];
  total: number;
  available: number;
  allocatable: number;
  condition?: StorageCondition;
  /** Ours: physical extent size in bytes. */
  extentSize?: number;
  /** Ours: as LVM tells it. */
  uuid?: string;
}

export interface NlsDevice {
  name: string;
  mediaType?: MediaType;
  total: number;
  readOnly: boolean;
  condition?: StorageCondition;
  /** Ours: why a claim may not have it, in a few words; absent when it is free. */
  inUse?: string;
}

export interface NlsMountPoint {
  name: string;
  total: number;
  available: number;
  fsType?: string;
  isBind: boolean;
  options?: string[];
  device?: string;
  readOnly: boolean;
  condition?: StorageCondition;
}

export interface NodeLocalStorage extends KubeObject {
  spec?: NodeConfig & { nodeName?: string };
  status?: {
    nodeStorageInfo?: {
      deviceInfo?: NlsDevice[];
      volumeGroups?: NlsVolumeGroup[];
      mountPoints?: NlsMountPoint[];
      phase?: 'Pending' | 'Running' | 'Terminated';
      state?: {
        type?: StorageCondition;
        status?: 'True' | 'False' | 'Unknown';
        lastHeartbeatTime?: string;
        lastTransitionTime?: string;
        reason?: string;
        message?: string;
      };
    };
    filteredStorageInfo?: {
      volumeGroups?: string[];
      mountPoints?: string[];
      devices?: string[];
      updateStatusInfo?: { lastUpdateTime?: string; updateStatus?: 'pending' | 'accepted' | 'failed'; reason?: string };
    };
    /** Ours: for the columns of kubectl. */
    summary?: { total: string; free: string; refused: number; faults?: string };
    /**
     * Ours: one per item of spec.resourceToBeInited (type `VolumeGroup/<name>` or `MountPoint/<path>`) and
     * `ConfigAccepted`.
     */
    conditions?: Condition[];
    /** Ours: the UUID of each managed group at first sight; a group of its name with another is not used. */
    knownGroups?: { name: string; uuid: string }[];
    /** Ours: disks below what is managed that fail; the first 20. */
    failingDisks?: FailingDisk[];
    /** Ours. */
    host?: HostReport;
  };
}

/** What else of a machine decides whether volumes can be made; `open-local doctor` judges it. */
export interface HostReport {
  agentVersion?: string;
  kernel?: string;
  lvmVersion?: string;
  /** Kernel modules that volumes may need and that are not loaded: on disk, or not there at all. */
  modules?: { loadable?: string[]; missing?: string[] };
  cgroup?: { version?: number; io?: boolean; driver?: string };
  /** Of the kubelet that runs there. */
  kubeletFolder?: string;
  /** The machine's own lvm uses lvmetad. */
  lvmetad?: boolean;
  /** Disks of volume groups that the machine's own lvm does not see, and why; the first 20. */
  hiddenDisks?: { device: string; by: string }[];
  /** Disks that multipath has taken; the first 20. */
  multipathDisks?: string[];
}

// --- Kubernetes' own

export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean; taints?: Taint[] };
  status?: { conditions?: { type: string; status: string }[]; addresses?: { type: string; address: string }[] };
}

export interface PodVolumeSource {
  name: string;
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
  ephemeral?: { volumeClaimTemplate?: { metadata?: ObjectMeta; spec?: PersistentVolumeClaim['spec'] } };
  csi?: { driver: string; fsType?: string; readOnly?: boolean; volumeAttributes?: Record<string, string> };
}

export interface Pod extends KubeObject {
  spec?: {
    nodeName?: string;
    schedulerName?: string;
    nodeSelector?: Record<string, string>;
    volumes?: PodVolumeSource[];
    containers?: {
      name: string;
      image?: string;
      volumeMounts?: { name: string; mountPath: string }[];
      resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
    }[];
    affinity?: {
      nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: NodeSelectorTerm[] } };
    };
    tolerations?: Toleration[];
  };
  status?: {
    phase?: string;
    nominatedNodeName?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    qosClass?: string;
  };
}

export interface PersistentVolumeClaim extends KubeObject {
  spec?: {
    accessModes?: string[];
    resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
    storageClassName?: string;
    volumeName?: string;
    volumeMode?: 'Filesystem' | 'Block';
    dataSource?: { kind: string; name: string; apiGroup?: string | null };
    dataSourceRef?: { kind: string; name: string; apiGroup?: string | null; namespace?: string };
    selector?: LabelSelector;
    volumeAttributesClassName?: string;
  };
  status?: {
    phase?: 'Pending' | 'Bound' | 'Lost';
    capacity?: Record<string, string>;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

export interface PersistentVolume extends KubeObject {
  spec?: {
    capacity?: Record<string, string>;
    accessModes?: string[];
    storageClassName?: string;
    volumeMode?: 'Filesystem' | 'Block';
    claimRef?: { namespace?: string; name?: string; uid?: string; apiVersion?: string; kind?: string };
    csi?: {
      driver: string;
      volumeHandle: string;
      fsType?: string;
      volumeAttributes?: Record<string, string>;
      nodeStageSecretRef?: { name: string; namespace: string };
      nodeExpandSecretRef?: { name: string; namespace: string };
    };
    nodeAffinity?: {
      required?: { nodeSelectorTerms: NodeSelectorTerm[] };
    };
    persistentVolumeReclaimPolicy?: string;
    mountOptions?: string[];
    volumeAttributesClassName?: string;
  };
  status?: { phase?: string };
}

export interface StorageClass extends KubeObject {
  provisioner: string;
  parameters?: Record<string, string>;
  volumeBindingMode?: 'Immediate' | 'WaitForFirstConsumer';
  reclaimPolicy?: string;
  allowVolumeExpansion?: boolean;
  mountOptions?: string[];
  allowedTopologies?: { matchLabelExpressions?: { key: string; values?: string[] }[] }[];
}

export interface CsiDriver extends KubeObject {
  spec?: { storageCapacity?: boolean };
}

/** What nodes have for volumes of one class. The server lets neither class nor topology of an object change. */
export interface CsiStorageCapacity extends KubeObject {
  storageClassName: string;
  /** Selects nodes by their labels; an empty one all of them. */
  nodeTopology?: LabelSelector;
  /** Quantity. */
  capacity?: string;
  /** Quantity; what the scheduler compares a claim with, when it is there. */
  maximumVolumeSize?: string;
}
