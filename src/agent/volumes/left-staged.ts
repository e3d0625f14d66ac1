import { readdir } from 'node:fs/promises';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeStep } from './volume-step.ts';

/** Where the kubelet has a volume mounted for all pods of the node: pkg/volume/csi/csi_attacher.go. */
const STAGING = /\/plugins\/kubernetes\.io\/csi\/[^/]+\/[^/]+\/globalmount$/;
/** Where it has the raw device of a pod: pkg/volume/csi/csi_block.go. */
const RAW = /^(.+)\/plugins\/kubernetes\.io\/csi\/volumeDevices\/(?:publish\/[^/]+|[^/]+\/dev)\/([^/]+)$/;

/**
 * What is to be done for a volume that is to be removed, and is mounted at these paths. A kubelet that starts again
 * between two calls of the end of a pod has forgotten the volume, and nobody would ever unmount it (kubernetes#121937):
 * that is done here, once a try has said that it is in use. Undefined where something else has it.
 */
export async function unstageLeft(
  { status }: LocalVolume,
  targets: readonly string[],
): Promise<VolumeStep | undefined> {
  if (status?.reason !== 'InUse' || targets.length === 0) return undefined;
  const forgotten = await Promise.all(targets.map(isForgotten));
  return forgotten.includes(false) ? undefined : { kind: 'unstage', targets };
}

async function isForgotten(target: string): Promise<boolean> {
  const [, root, pod = ''] = RAW.exec(target) ?? [];
  return root === undefined ? STAGING.test(target) : isGone(root, pod);
}

/** The kubelet keeps the folder of a pod as long as it knows it; without any it is not the folder of a kubelet. */
async function isGone(root: string, pod: string): Promise<boolean> {
  const known: readonly string[] = await readdir(`${root}/pods`).catch(() => []);
  return known.length > 0 && !known.includes(pod);
}
