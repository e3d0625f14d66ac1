import type { LocalVolume } from '../../model/local-volume.ts';
import { isForgotten } from './kubelet-forgot.ts';
import type { VolumeStep } from './volume-step.ts';

/** Where the kubelet has a volume mounted for all pods of the node: pkg/volume/csi/csi_attacher.go. */
const STAGING = /\/plugins\/kubernetes\.io\/csi\/[^/]+\/[^/]+\/globalmount$/;

/**
 * What is to be done for a volume that is to be removed, and is mounted at these paths. A kubelet that starts again
 * between two calls of the end of a pod, or whose record of it is lost, has forgotten the volume, and nobody would ever
 * unmount it (kubernetes#121937): that is done here, once a try has said that it is in use. Undefined where something
 * else has it.
 */
export async function unstageLeft(
  { status }: LocalVolume,
  targets: readonly string[],
): Promise<VolumeStep | undefined> {
  if (status?.reason !== 'InUse' || targets.length === 0) return undefined;
  const left = await Promise.all(targets.map(async (target) => STAGING.test(target) || isForgotten(target)));
  return left.includes(false) ? undefined : { kind: 'unstage', targets };
}
