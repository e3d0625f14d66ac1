import type { KubeObject } from './objects.ts';

/** The finalizer of snapshot-controller, on a claim of which a snapshot is being taken. */
export const SNAPSHOT_SOURCE = 'snapshot.storage.kubernetes.io/pvc-as-source-protection';

/** The finalizer of csi-provisioner, on a VolumeSnapshot from which it is having a volume made. */
export const RESTORE_SOURCE = 'provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection';

/** On a VolumeSnapshotContent: claims of another volumeMode than `sourceVolumeMode` may be made from it. */
export const ANY_MODE = 'snapshot.storage.kubernetes.io/allow-volume-mode-change';

/** snapshot.storage.k8s.io/v1, of the cluster's snapshot-controller. */
export interface VolumeSnapshot extends KubeObject {
  spec?: { source?: { persistentVolumeClaimName?: string } };
  status?: { boundVolumeSnapshotContentName?: string; readyToUse?: boolean; error?: { message?: string } };
}

export interface VolumeSnapshotContent extends KubeObject {
  spec?: {
    driver?: string;
    volumeSnapshotRef?: { namespace?: string; name?: string; uid?: string };
    source?: { volumeHandle?: string; snapshotHandle?: string };
    sourceVolumeMode?: string;
  };
  status?: {
    snapshotHandle?: string;
    restoreSize?: number;
    readyToUse?: boolean;
    error?: { message?: string; time?: string };
  };
}
