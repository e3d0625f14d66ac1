import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { LocalVolume } from '../../model/local-volume.ts';
import { parsedObject } from '../../model/parsed-json.ts';
import { isForgotten } from './kubelet-forgot.ts';
import type { VolumeStep } from './volume-step.ts';

/**
 * Where the kubelet has a volume staged for all pods of the node. Its folder is called by the SHA-256 of the volume's
 * handle, before Kubernetes 1.24 by its PersistentVolume; vol_data.json beside the mount has the handle:
 * pkg/volume/csi/csi_attacher.go.
 */
const STAGING = /\/plugins\/kubernetes\.io\/csi\/[^/]+\/([^/]+)\/globalmount$/;

/** A volume that is not removed now, since it is mounted at these paths; the message names them all. */
export interface InUse {
  readonly message: string;
  readonly targets: readonly string[];
}

/**
 * What is to be done for a volume that is to be removed. A kubelet that starts again between NodeUnpublishVolume and
 * NodeUnstageVolume, or lost its record of a pod's mount, asks for the volume no more, and nobody would ever unmount it
 * (kubernetes#121937). So it is unmounted here, where an earlier try told of the very same mounts: a kubelet that is
 * only slower has had its turn. Undefined where it was not told, or where one of the paths is neither the volume's
 * staging path nor a pod's that the kubelet has no record of. `others` are the node's LocalVolumes.
 */
export async function unstageLeft(
  volume: LocalVolume,
  { message, targets }: InUse,
  others: Others,
): Promise<VolumeStep | undefined> {
  const { status } = volume;
  const told = status?.reason === 'InUse' ? status.message : undefined;
  const wasTold = told === message || told?.startsWith(`${message} `); // and why it could not be unmounted
  if (!wasTold || targets.length === 0) return undefined;
  const left = await Promise.all(
    targets.map(async (target) => (await isStagedFor(volume, target, others)) || (await isForgotten(target))),
  );
  return left.includes(false) ? undefined : { kind: 'unstage', targets, message };
}

/** The node's LocalVolumes by name. */
type Others = ReadonlyMap<string, LocalVolume>;

/**
 * Whether the kubelet stages the volume there, or one that is gone and showed this snapshot: our volumes are called by
 * their handles, and those that show a snapshot have none of their own on the node.
 */
async function isStagedFor({ metadata, spec }: LocalVolume, target: string, others: Others): Promise<boolean> {
  const [, folder] = STAGING.exec(target) ?? [];
  if (folder === undefined) return false;
  const handle = await handleAt(target);
  const isOf = (name: string): boolean => handle === name || folder === folderOf(name);
  if (spec.role !== 'Snapshot') return isOf(metadata.name ?? '');
  const isKnown = handle !== undefined || OF_HANDLE.test(folder);
  return isKnown && ![...others.keys()].some(isOf);
}

/** A SHA-256. */
const OF_HANDLE = /^[0-9a-f]{64}$/;
const folderOf = (handle: string): string => createHash('sha256').update(handle).digest('hex');

/** Which volume the kubelet's record beside a staging path names; undefined where none can be read. */
async function handleAt(target: string): Promise<string | undefined> {
  const data = await readFile(path.join(path.dirname(target), 'vol_data.json'), 'utf8').catch(() => '');
  const handle = parsedObject(data)?.['volumeHandle'];
  return typeof handle === 'string' && handle !== '' ? handle : undefined;
}
