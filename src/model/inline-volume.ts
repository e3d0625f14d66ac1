import { sha256 } from './sha256.ts';

/**
 * The CSI volume id, and so the logical volume's name, that kubelet gives to an inline volume of a pod:
 * `csi-` and the SHA-256 of the pod's uid followed by the volume's name in the pod.
 * Source: makeVolumeHandle in pkg/volume/csi/csi_plugin.go of kubernetes/kubernetes.
 */
export const inlineVolumeId = (podUid: string, volumeName: string): string => `csi-${sha256(podUid + volumeName)}`;
