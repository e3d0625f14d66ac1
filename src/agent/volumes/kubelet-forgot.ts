import { readdir, readFile, stat } from 'node:fs/promises';
import { parsedJson } from '../../model/parsed-json.ts';

/** Where the kubelet has the volume of a pod: pkg/volume/csi/csi_mounter.go. */
const MOUNT = /^(.+\/pods)\/[^/]+\/volumes\/kubernetes\.io~csi\/[^/]+\/mount$/;
/** Where it has a folder of it for a container: pkg/volume/util/subpath. */
const SUBPATH = /^(.+\/pods)\/([^/]+)\/volume-subpaths\/([^/]+)\/[^/]+\/[^/]+$/;
/** Where it has the raw device of a pod: pkg/volume/csi/csi_block.go. */
const RAW = /^(.+)\/plugins\/kubernetes\.io\/csi\/volumeDevices\/(?:publish\/[^/]+|[^/]+\/dev)\/([^/]+)$/;

/**
 * Whether the kubelet has no word of a volume that is, or was, at this path for a pod, so that it will never be asked
 * for again. It writes vol_data.json beside the mount before it first asks for it, and removes it after the last call
 * (pkg/volume/csi/csi_plugin.go, csi_mounter.go); of a raw device it keeps the folder of the pod. It flushes nothing,
 * so that a power cut leaves the file empty, and for what it cannot read it never asks again (kubernetes#108217).
 * Without any pod in its folder it is not the folder of a kubelet that runs, or not there yet: then nothing is known.
 */
export async function isForgotten(target: string): Promise<boolean> {
  const [, pods, file] = recordOf(target) ?? [];
  if (pods === undefined || file === undefined) return false;
  const known: readonly string[] = await readdir(pods).catch(() => []);
  return known.length > 0 && !(await isKnown(file));
}

/** The folder of all pods, and what is there as long as the kubelet knows the volume. */
function recordOf(target: string): readonly [target: string, pods: string, file: string] | undefined {
  const [, ofMount] = MOUNT.exec(target) ?? [];
  if (ofMount !== undefined) return [target, ofMount, target.replace(/mount$/, 'vol_data.json')];
  const [, pods, uid, volume] = SUBPATH.exec(target) ?? [];
  if (pods !== undefined) return [target, pods, `${pods}/${uid}/volumes/kubernetes.io~csi/${volume}/vol_data.json`];
  const [, root, pod] = RAW.exec(target) ?? [];
  return root === undefined ? undefined : [target, `${root}/pods`, `${root}/pods/${pod}`];
}

/** A file that was written so recently may be half of what it will be. */
const BEING_WRITTEN_MS = 60_000;

/** Whatever cannot be looked at, such as a folder, counts as known. */
async function isKnown(file: string): Promise<boolean> {
  try {
    const text = await readFile(file, 'utf8');
    return parsedJson(text) !== undefined || Math.abs(Date.now() - (await stat(file)).mtimeMs) < BEING_WRITTEN_MS;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
