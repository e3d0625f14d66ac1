import type { KubeObject } from './objects.ts';

/** snapshot.storage.k8s.io/v1, of the cluster's snapshot-controller. */
export interface VolumeSnapshot extends KubeObject {
  spec?: { source?: { persistentVolumeClaimName?: string } };
  status?: { boundVolumeSnapshotContentName?: string; readyToUse?: boolean };
}

export interface VolumeSnapshotContent extends KubeObject {
  spec?: {
    driver?: string;
    volumeSnapshotRef?: { namespace?: string; name?: string; uid?: string };
    source?: { volumeHandle?: string; snapshotHandle?: string };
  };
  status?: {
    snapshotHandle?: string;
    restoreSize?: number;
    readyToUse?: boolean;
    error?: { message?: string; time?: string };
  };
}
