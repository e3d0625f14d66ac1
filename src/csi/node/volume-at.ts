import { bytes, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import { requireVolume, type NodeVolume } from './node-volumes.ts';
import type { StageDeps } from './stage.ts';

export interface VolumeAt {
  readonly id: string;
  /** Where the volume is published or staged. */
  readonly path: string;
}

/** Throws Fault `not-found` unless this very volume is seen at the path. */
export async function findAt(
  { id, path }: VolumeAt,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<{ readonly volume: NodeVolume; readonly entry: MountEntry }> {
  const { volumes, mounts } = deps;
  const volume = await requireVolume(volumes, id, signal);
  const entry = mountAt(await mounts.list(signal), path);
  if (!entry || !(await mounts.shows(entry, volume.source, signal))) {
    if (entry) await sizeOf(volume, deps, signal); // its device may be gone
    throw new Fault('not-found', `volume ${id} is not mounted at ${path}`);
  }
  return { volume, entry };
}

/** Size in bytes of what carries a volume. Throws Fault `not-found` when its device is missing. */
export async function sizeOf(volume: NodeVolume, { filesystems }: StageDeps, signal: AbortSignal): Promise<Bytes> {
  if (volume.kind === 'MountPoint') return volume.sizeBytes;
  const size = await filesystems.sizeOf(volume.source, signal);
  if (size === undefined) throw new Fault('not-found', `volume ${volume.id}: its device ${volume.source} is missing`);
  return bytes(size);
}
