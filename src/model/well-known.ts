/**
 * Names that other programs and people's YAML depend on. They are the ones of the open-local system
 * we are compatible with, or Kubernetes' own.
 */

export const API_GROUP = 'csi.aliyun.com';
export const API_VERSION = 'v1alpha1';

export const DEFAULT_DRIVER = 'local.csi.aliyun.com';
/** Volumes and StorageClasses made under this name are ours too. */
export const LEGACY_DRIVER = 'yodaplugin.csi.alibabacloud.com';

/** CSI topology key: a volume lives on exactly one node. */
export const TOPOLOGY_KEY = 'kubernetes.io/hostname';

/**
 * On a claim: the node the scheduler chose. Written by kube-scheduler, removed by the provisioner to give the pod back.
 */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

/** On a NodeLocalStorage: JSON such as {"pool-0":"100Gi","pool-1":"10%"}, room the scheduler must leave alone. */
export const STORAGE_RESERVED = 'csi.aliyun.com/storage-reserved';

/** On a LocalVolume: only the agent of the owning node removes it, once the data is gone. */
export const VOLUME_FINALIZER = 'csi.aliyun.com/volume-on-node';

/**
 * On a LocalVolume: its data is somebody's, and stays though the object is being deleted. DeleteVolume takes it off,
 * and so does the operator from a deleted volume that no PersistentVolume refers to.
 */
export const KEEP = 'csi.aliyun.com/keep';

/**
 * On a NodeLocalStorage or a LocalVolume, written by an administrator: the node, or the disk of this volume, will not
 * come back. The value is the reason, for people. The operator then lets go of volumes that are deleted there, and of
 * the room.
 */
export const LOST = 'csi.aliyun.com/lost';

/** On a LocalVolume: the node that owns it, so that an agent watches its own objects only. */
export const NODE_LABEL = 'csi.aliyun.com/node';

/**
 * On a LocalVolume: the filesystem its device was once given. Set before the first mount; such a device is never
 * formatted again.
 */
export const FORMATTED = 'csi.aliyun.com/formatted';

/**
 * On a LocalVolume that has a disk for itself: which one, as the disk tells of itself. Its name may lead to another
 * after a boot.
 */
export const DISK = 'csi.aliyun.com/disk';

/**
 * On a LocalVolume that has a mounted filesystem for itself: which one, as `identityOf` in mount/filesystem.ts says.
 */
export const FILESYSTEM = 'csi.aliyun.com/filesystem';

/**
 * On an inline volume's LocalVolume: the path at which the kubelet wanted it, by which it is known whether the kubelet
 * knows it still.
 */
export const PUBLISHED_AT = 'csi.aliyun.com/published-at';

/** Which CSI calls pass claim metadata in `parameters` (external-provisioner --extra-create-metadata). */
export const PARAM_PVC_NAME = 'csi.storage.k8s.io/pvc/name';
export const PARAM_PVC_NAMESPACE = 'csi.storage.k8s.io/pvc/namespace';
export const PARAM_PV_NAME = 'csi.storage.k8s.io/pv/name';

/** Field managers of our server-side applies. */
export const OPERATOR = 'open-local-operator';
export const AGENT = 'open-local-agent';
