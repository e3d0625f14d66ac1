import type { LocalVolume } from '../../model/local-volume.ts';
import { mappingPathOf } from '../../crypt/names.ts';
import { volumeDevicePath } from '../../lvm/names.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';

/** The mounts of an LVM volume, encrypted or not, or of its device as a file. */
export function usersOfVolume(
  { metadata: { name = '' }, spec: { vgName = '' } }: LocalVolume,
  mounts: Pick<Mounts, 'list' | 'shows'>,
  signal: AbortSignal,
): Promise<readonly MountEntry[]> {
  return mountsOf([volumeDevicePath(vgName, name), mappingPathOf(name)], mounts, signal);
}

/** The mounts of any of these devices or folders. */
export async function mountsOf(
  sources: readonly string[],
  mounts: Pick<Mounts, 'list' | 'shows'>,
  signal: AbortSignal,
): Promise<readonly MountEntry[]> {
  const found: MountEntry[] = [];
  for (const entry of await mounts.list(signal))
    for (const source of sources) if (await mounts.shows(entry, source, signal)) found.push(entry);
  return found;
}
