import type { Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { StageDeps } from './stage.ts';
import { findAt, sizeOf, type VolumeAt } from './volume-at.ts';

/**
 * Makes the filesystem as large as its device, which was grown before; gives the device's size in bytes. Throws Fault
 * `unavailable` while the device is smaller than `required`.
 */
export async function expandVolume(
  at: VolumeAt,
  required: Bytes,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<Bytes> {
  const { volume, entry } = await findAt(at, deps, signal);
  const size = await sizeOf(volume, deps, signal);
  if (size < required)
    throw new Fault(
      'unavailable',
      `volume ${at.id} has ${size} bytes, fewer than the ${required} asked for: it has not grown yet`,
    );
  if (volume.kind === 'MountPoint') return size;
  const mounted = { device: volume.source, target: entry.target, fsType: entry.fsType };
  await deps.ownWork.run(at.id, (own) => deps.filesystems.grow(mounted, own), signal);
  return size;
}
