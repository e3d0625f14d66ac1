import { Fault } from '../../model/fault.ts';
import { neededOptions } from '../../mount/filesystem.ts';
import { mountAt } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';
import type { Stage } from './node-requests.ts';
import { requireVolume, type NodeVolume } from './node-volumes.ts';
import type { OwnWork } from './own-work.ts';
import { assertDevice, prepareFilesystem, type PrepareDeps } from './prepare-filesystem.ts';
import { lockVolume, unlockVolume, type UnlockDeps } from './unlock.ts';
import { makeFolder } from './target.ts';

export interface StageDeps extends PrepareDeps, Pick<UnlockDeps, 'crypt'> {
  /** By volume. */
  readonly ownWork: OwnWork;
}

/** Mounts a volume's filesystem at the staging path, after unlockVolume and prepareFilesystem. May be repeated. */
export async function stageVolume(
  { id, stagingPath, access, secrets }: Stage,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  await unlockVolume({ id, secrets, block: access.block }, deps, signal);
  const volume = await requireVolume(deps.volumes, id, signal);
  if (access.block) return assertDevice(volume, deps.filesystems, signal);

  if (!mountAt(await deps.mounts.list(signal), stagingPath)) await makeFolder(stagingPath);
  if (volume.kind === 'MountPoint') return stageMountPoint(volume, stagingPath, deps, signal);

  const { fsType: asked, readOnly, mkfsOptions } = access;
  const wanted = { id, fsType: asked, readOnly, mkfsOptions };
  const fsType = await deps.ownWork.run(id, (own) => prepareFilesystem(wanted, deps, own), signal);
  const options = [...new Set([...access.mountFlags, ...neededOptions(fsType), ...(access.readOnly ? ['ro'] : [])])];
  return deps.mounts.mount({ source: volume.source, target: stagingPath, fsType, options }, signal);
}

/** Unmounts a volume from the staging path, and closes one that is encrypted. May be repeated. */
export async function unstageVolume(
  { id, path }: { readonly id: string; readonly path: string },
  deps: Pick<StageDeps, 'crypt' | 'mounts'>,
  signal: AbortSignal,
): Promise<void> {
  await deps.mounts.unmount(path, signal);
  await lockVolume(id, deps, signal);
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
