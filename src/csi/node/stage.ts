import { mkdir } from 'node:fs/promises';
import { Fault } from '../../model/fault.ts';
import { filesystemType, type FilesystemType } from '../../model/filesystem-type.ts';
import { neededOptions, type Content, type Filesystems } from '../../mount/filesystem.ts';
import { mountAt } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';
import type { Stage } from './node-requests.ts';
import { requireVolume, type NodeVolume, type NodeVolumes } from './node-volumes.ts';

export interface StageDeps {
  readonly volumes: NodeVolumes;
  readonly mounts: Mounts;
  readonly filesystems: Filesystems;
}

/**
 * Mounts a volume's filesystem at the staging path; formats its device first when it is blank and always was. May be
 * repeated.
 */
export async function stageVolume(wanted: Stage, deps: StageDeps, signal: AbortSignal): Promise<void> {
  const { id, stagingPath, access } = wanted;
  const volume = await requireVolume(deps.volumes, id, signal);
  if (access.block) return assertDevice(volume, deps.filesystems, signal);

  await mkdir(stagingPath, { recursive: true });
  if (volume.kind === 'MountPoint') return stageMountPoint(volume, stagingPath, deps, signal);

  const fsType = await ensureFilesystem(volume, access.fsType, deps, signal);
  const options = [...new Set([...access.mountFlags, ...neededOptions(fsType), ...(access.readOnly ? ['ro'] : [])])];
  return deps.mounts.mount({ source: volume.source, target: stagingPath, fsType, options }, signal);
}

/**
 * Binds a mounted filesystem, and looks again afterwards: if it was unmounted after it was looked for, what was bound
 * is the folder below it, on the node's own disk.
 */
async function stageMountPoint(
  { id, source }: NodeVolume,
  target: string,
  { volumes, mounts }: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  const isNew = !mountAt(await mounts.list(signal), target);
  await mounts.bind({ source, target, readOnly: false, options: [] }, signal);
  try {
    await requireVolume(volumes, id, signal);
    await assertShows(id, { target, source }, mounts, signal);
  } catch (error) {
    if (isNew) await mounts.unmount(target, signal);
    throw error;
  }
}

/** Throws Fault `unavailable` unless a volume's device, or the folder it is mounted at, is seen at the target. */
export async function assertShows(
  id: string,
  { target, source }: { readonly target: string; readonly source: string },
  mounts: Mounts,
  signal: AbortSignal,
): Promise<void> {
  const entry = mountAt(await mounts.list(signal), target);
  if (entry && (await mounts.shows(entry, source, signal))) return;
  const what = entry ? `${entry.source} is` : 'nothing is';
  throw new Fault('unavailable', `volume ${id}: ${what} mounted at ${target}, not ${source}`);
}

/** Throws Fault `precondition` when the volume's device is not there: a new, empty one is never made in its place. */
export async function assertDevice(volume: NodeVolume, filesystems: Filesystems, signal: AbortSignal): Promise<void> {
  if ((await filesystems.sizeOf(volume.source, signal)) === undefined) throw missingDevice(volume);
}

const missingDevice = ({ id, source }: NodeVolume): Fault =>
  new Fault('precondition', `volume ${id}: its device ${source} is missing on this node: check its disks and vgs`);

async function ensureFilesystem(
  volume: NodeVolume,
  asked: string,
  { filesystems, volumes }: StageDeps,
  signal: AbortSignal,
): Promise<FilesystemType> {
  const fsType = filesystemType(asked === '' ? volume.fsType : asked);
  const content = await filesystems.probe(volume.source, signal);
  if (isToBeFormatted(volume, content, fsType)) await filesystems.format(volume.source, fsType, signal);
  if (volume.formatted === undefined) await volumes.markFormatted(volume.id, fsType, signal);
  return fsType;
}

/**
 * Whether the device is to get a filesystem: only if it is blank, and never had one. Throws Fault `precondition` when
 * it carries something else than asked, or nothing although it once did: then its data may still be rescued.
 */
export function isToBeFormatted(volume: NodeVolume, content: Content, fsType: FilesystemType): boolean {
  const { id, source, formatted } = volume;
  if (content.kind === 'missing') throw missingDevice(volume);
  if (content.kind === 'blank') {
    if (formatted === undefined) return true;
    const what = `was formatted with ${formatted} and shows nothing now`;
    throw new Fault('precondition', `volume ${id}: ${source} ${what}: it is not formatted again; repair or restore it`);
  }
  const found = content.kind === 'filesystem' ? content.type : content.what;
  if (found === fsType) return false;
  throw new Fault(
    'precondition',
    `volume ${id}: ${source} carries ${found}, not the ${fsType} asked for: it is left alone`,
  );
}
