import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeStep } from './volume-step.ts';

/** Where the kubelet has a volume mounted for all pods of the node: pkg/volume/csi/csi_attacher.go. */
const STAGING = /\/plugins\/kubernetes\.io\/csi\/[^/]+\/[^/]+\/globalmount$/;

/**
 * What is to be done for a volume that is to be removed, and is mounted at these paths. A kubelet that starts again
 * between NodeUnpublish and NodeUnstage has forgotten the volume, and nobody would ever unstage it (kubernetes#121937):
 * that is done here, once a try has said that it is in use. Undefined where something else has it.
 */
export const unstageLeft = ({ status }: LocalVolume, targets: readonly string[]): VolumeStep | undefined =>
  status?.reason === 'InUse' && targets.length > 0 && targets.every((target) => STAGING.test(target))
    ? { kind: 'unstage', targets }
    : undefined;
