import type { Bytes } from '../../model/bytes.ts';
import { isDeviceFile } from '../../mount/device-number.ts';
import type { FilesystemStats } from '../../mount/filesystem.ts';
import type { StageDeps } from './stage.ts';
import { findAt, sizeOf, type VolumeAt } from './volume-at.ts';

/**
 * Room of a mounted volume; of a raw device only its size in bytes is known. Throws Fault `not-found` unless it is seen
 * at the path.
 */
export async function statVolume(
  at: VolumeAt,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<FilesystemStats | { readonly total: Bytes }> {
  const { volume, entry } = await findAt(at, deps, signal);
  if (isDeviceFile(entry.fsType)) return { total: await sizeOf(volume, deps, signal) };
  return deps.filesystems.stats(at.path, signal);
}
