import { bytes, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { FilesystemStats } from '../../mount/filesystem.ts';
import { isDeviceFile } from '../../mount/device-number.ts';
import { mountAt } from '../../mount/mountinfo.ts';
import { requireVolume, type NodeVolume } from './node-volumes.ts';
import type { StageDeps } from './stage.ts';

export interface At {
  readonly id: string;
  /** Where the volume is published or staged. */
  readonly path: string;
}

/**
 * Makes the filesystem as large as its device, which was grown before; gives the device's size in bytes. Throws Fault `unavailable` while
 * the device is smaller than `required`.
 */
export async function expandVolume(
  { id, path }: At,
  required: Bytes,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<Bytes> {
  const { volume, entry } = await findAt({ id, path }, deps, signal);
  const size = await sizeOf(volume, deps, signal);
  if (size < required)
    throw new Fault(
      'unavailable',
      `volume ${id} has ${size} bytes, fewer than the ${required} asked for: it has not grown yet`,
    );
  if (volume.kind !== 'MountPoint')
    await deps.filesystems.grow({ device: volume.source, target: entry.target, fsType: entry.fsType }, signal);
  return size;
}

/** Room of a mounted volume; of a raw device only its size in bytes is known. */
export async function statVolume(
  at: At,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<FilesystemStats | { readonly total: Bytes }> {
  const { volume, entry } = await findAt(at, deps, signal);
  if (isDeviceFile(entry.fsType)) return { total: await sizeOf(volume, deps, signal) };
  return deps.filesystems.stats(at.path, signal);
}

/** Throws Fault `not-found` unless this very volume is seen at the path. */
async function findAt({ id, path }: At, { volumes, mounts }: StageDeps, signal: AbortSignal) {
  const volume = await requireVolume(volumes, id, signal);
  const entry = mountAt(await mounts.list(signal), path);
  if (!entry || !(await mounts.shows(entry, volume.source, signal)))
    throw new Fault('not-found', `volume ${id} is not mounted at ${path}`);
  return { volume, entry };
}

async function sizeOf(volume: NodeVolume, { filesystems }: StageDeps, signal: AbortSignal): Promise<Bytes> {
  if (volume.kind === 'MountPoint') return volume.sizeBytes;
  const size = await filesystems.sizeOf(volume.source, signal);
  if (size === undefined) throw new Fault('not-found', `volume ${volume.id}: its device ${volume.source} is missing`);
  return bytes(size);
}
