/**
 * Names that other programs and people's YAML depend on. They are the ones of the open-local system we are compatible
 * with, Kubernetes' own, or ours: contract.ts says for each of them which, who writes it and who reads it.
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

/** On a claim, or the template of one: its class, from before there was a field. Kubernetes still lets it win. */
export const BETA_STORAGE_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** On a NodeLocalStorage: JSON such as {"pool-0":"100Gi","pool-1":"10%"}, room the scheduler must leave alone. */
export const STORAGE_RESERVED = 'csi.aliyun.com/storage-reserved';

/**
 * On a NodeLocalStorage, written by an administrator: groups, disks and mount points that get no new volume, with
 * commas or spaces between; `*` is all of the node's. What is there stays, and may grow.
 */
export const STORAGE_CORDONED = 'csi.aliyun.com/storage-cordoned';

/**
 * On a NodeLocalStorage that was made anew since its Node object was: the volume groups that the node had, as
 * `status.knownGroups` had them. It tells that the agent does not see the node for the first time.
 */
export const KNOWN_GROUPS = 'csi.aliyun.com/known-groups';

/**
 * Label on a NodeLocalStorage whose Node is gone: since when, in seconds since 1970. Neither operator nor agent sees it
 * while it is there; it keeps what was said of the node's storage for a Node that is made anew.
 */
export const GONE_SINCE = 'csi.aliyun.com/gone-since';

/** On a LocalVolume: only the agent of the owning node removes it, once the data is gone. */
export const VOLUME_FINALIZER = 'csi.aliyun.com/volume-on-node';

/**
 * On a LocalVolume: its data is somebody's, and stays though the object is being deleted. DeleteVolume takes it off,
 * and so does the operator from a deleted volume that no PersistentVolume refers to. Where snapshots or copies still
 * need the data, both leave it on until the last of them is gone. The value is the reason, for people.
 */
export const KEEP = 'csi.aliyun.com/keep';

/**
 * On the LocalVolume of a snapshot: the VolumeSnapshotContent that last had it; empty until one is seen, which is how
 * CreateSnapshot writes it. A snapshot whose mark is empty and for which nobody asks any more is removed.
 */
export const SNAPSHOT_CONTENT = 'csi.aliyun.com/snapshot-content';

/**
 * On a NodeLocalStorage or a LocalVolume, written by an administrator: the node, or the disk of this volume, will not
 * come back. The value is the reason, for people. The operator then lets go of volumes that are deleted there, and of
 * the room.
 */
export const LOST = 'csi.aliyun.com/lost';

/**
 * On a LocalVolume: the W3C traceparent of the call that asked for it, or for what it was last asked to be. Its agent
 * goes on with that trace. Only where traces are made, and this one is recorded.
 */
export const TRACEPARENT = 'csi.aliyun.com/traceparent';

/**
 * On a PersistentVolume: its volume's object was let go because it, or its node, is lost. The value is the reason, for
 * people. DeleteVolume then asks no node for it, whoever leads by then.
 */
export const LET_GO = 'csi.aliyun.com/let-go';

/**
 * On a NodeLocalStorage, written by an administrator: UUIDs of logical volumes, with commas or spaces between. Those
 * that open-local made and no LocalVolume speaks of are erased and removed by the node's agent.
 */
export const REMOVE_STRAYS = 'csi.aliyun.com/remove-strays';

/** On a LocalVolume: the node that owns it, so that an agent watches its own objects only. */
export const NODE_LABEL = 'csi.aliyun.com/node';
/**
 * Velero leaves out what has it. A LocalVolume is an order for one node of one cluster: restored elsewhere it would be
 * made anew, empty, beside a PersistentVolume that was restored too; at home it is adopted from that
 * PersistentVolume. https://velero.io/docs/v1.17/resource-filtering/
 */
export const NOT_IN_BACKUPS = 'velero.io/exclude-from-backup';

/**
 * On a LocalVolume: the filesystem its device was once given. Set before the first mount; such a device is never
 * formatted again.
 */
export const FORMATTED = 'csi.aliyun.com/formatted';

/**
 * On a LocalVolume: `<type> <UUID>` of the filesystem that its device is being given. Without FORMATTED beside it,
 * formatting may have been cut: a filesystem of that UUID is made anew if it says itself that it is not finished.
 * On a NodeLocalStorage: the same for mount points, as JSON by path; agent/storage/format-marks.ts.
 */
export const FORMATTING = 'csi.aliyun.com/formatting';

/**
 * On an encrypted LocalVolume: the UUID of the LUKS header that its device is being given. Without ENCRYPTED beside it,
 * that was cut and nobody has had the device: it is made anew.
 */
export const ENCRYPTING = 'csi.aliyun.com/encrypting';

/**
 * On an encrypted LocalVolume: the UUID of the LUKS header that its device was once given. Such a device is never made
 * anew, unless its key is kept nowhere.
 */
export const ENCRYPTED = 'csi.aliyun.com/encrypted';

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
 * knows it still. One that was adopted has it from the kubelet's root folder on, which its node knows.
 */
export const PUBLISHED_AT = 'csi.aliyun.com/published-at';

/**
 * On a NodeLocalStorage, for its agent, and on the NodeLocalStorageInitConfig, for the operator that leads: how much is
 * logged from now on, in place of `--log-level`.
 */
export const LOG_LEVEL = 'csi.aliyun.com/log-level';

/**
 * On a CSIStorageCapacity: when room was last freed for a pod that waited for it. The change makes kube-scheduler look
 * at the pod again.
 */
export const FREED = 'csi.aliyun.com/freed';

/** On a CSIStorageCapacity, the words of csi-provisioner, which leaves objects of another manager alone. */
export const DRIVER_NAME = 'csi.storage.k8s.io/drivername';
export const MANAGED_BY = 'csi.storage.k8s.io/managed-by';

/** On a Namespace: which pods it admits. The agent is privileged. */
export const POD_SECURITY = 'pod-security.kubernetes.io/enforce';

/** On Secrets that the operator made; it writes no others. */
export const APP_MANAGED_BY = 'app.kubernetes.io/managed-by';
/** On the pods of the second scheduler that `scheduler-config` prints. */
export const APP_COMPONENT = 'app.kubernetes.io/component';

/** On the EndpointSlice behind the extender's Service: whose it is, and that no other controller writes it. */
export const SLICE_OF_SERVICE = 'kubernetes.io/service-name';
export const SLICE_MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';

/**
 * On the operator's Lease: when kube-scheduler last called the extender, to the second (RFC 3339). Written with each
 * renewal.
 */
export const EXTENDER_CALLED = 'csi.aliyun.com/extender-called';

/**
 * On a PersistentVolume, where open-local put what it chose outside the volume's attributes: JSON with vgName or
 * deviceName.
 */
export const PV_ALLOCATED = 'csi.aliyun.com/pv-allocated';

/**
 * In the attributes of a PersistentVolume: the claim mounts a snapshot as it is, and takes no room. In a
 * VolumeSnapshotClass, `true`: claims made from its snapshots do so.
 */
export const READ_ONLY_SNAPSHOT = 'csi.aliyun.com/readonly';

/** In the attributes of a PersistentVolume that mounts a snapshot: which one. */
export const SNAPSHOT_ID = 'csi.aliyun.com/snapshot-id';

/**
 * VolumeSnapshotClass parameters besides READ_ONLY_SNAPSHOT: what claims made from a snapshot get, the size of a new
 * store, how full it may be (`50%`) until it grows, and the least by which it grows.
 */
export const SNAPSHOT_RESTORE = 'csi.aliyun.com/snapshot-restore';
export const SNAPSHOT_INITIAL_SIZE = 'csi.aliyun.com/snapshot-initial-size';
export const SNAPSHOT_THRESHOLD = 'csi.aliyun.com/snapshot-expansion-threshold';
export const SNAPSHOT_STEP = 'csi.aliyun.com/snapshot-expansion-size';

/** In the volume context of NodePublishVolume, added by the kubelet since our CSIDriver object has podInfoOnMount. */
export const EPHEMERAL = 'csi.storage.k8s.io/ephemeral';
export const POD_UID = 'csi.storage.k8s.io/pod.uid';

/** A StorageClass parameter that external-provisioner takes out and sends as the capability's `fs_type`. */
export const PARAM_FS_TYPE = 'csi.storage.k8s.io/fstype';

/**
 * StorageClass parameters that external-provisioner takes out: the Secrets that the kubelet sends with NodeStageVolume
 * and NodeExpandVolume, by name and namespace, with `${pvc.name}` and the like in them.
 */
export const PARAM_STAGE_SECRET = {
  name: 'csi.storage.k8s.io/node-stage-secret-name',
  namespace: 'csi.storage.k8s.io/node-stage-secret-namespace',
} as const;
export const PARAM_EXPAND_SECRET = {
  name: 'csi.storage.k8s.io/node-expand-secret-name',
  namespace: 'csi.storage.k8s.io/node-expand-secret-namespace',
} as const;

/** Which CSI calls pass claim metadata in `parameters` (external-provisioner --extra-create-metadata). */
export const PARAM_PVC_NAME = 'csi.storage.k8s.io/pvc/name';
export const PARAM_PVC_NAMESPACE = 'csi.storage.k8s.io/pvc/namespace';
export const PARAM_PV_NAME = 'csi.storage.k8s.io/pv/name';

/**
 * An extended resource that a container of a marked pod requests none of. kube-scheduler looks only whether it is named
 * (`HTTPExtender.IsInterested`, 1.36), so that an extender with `managedResources` is asked about this pod; every check
 * of room passes a request for none over. docs/decisions/0025
 */
export const MARK = 'csi.aliyun.com/volume';

/** Field managers of our server-side applies. */
export const OPERATOR = 'open-local-operator';
export const AGENT = 'open-local-agent';
