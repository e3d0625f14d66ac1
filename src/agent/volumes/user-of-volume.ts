import type { LocalVolume } from '../../model/local-volume.ts';
import { mappingPathOf } from '../../crypt/names.ts';
import { volumeDevicePath } from '../../lvm/names.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';

/** A mount of an LVM volume, encrypted or not, or of its device as a file. */
export async function userOfVolume(
  { metadata: { name = '' }, spec: { vgName = '' } }: LocalVolume,
  mounts: Pick<Mounts, 'list' | 'shows'>,
  signal: AbortSignal,
): Promise<MountEntry | undefined> {
  const paths = [volumeDevicePath(vgName, name), mappingPathOf(name)];
  for (const entry of await mounts.list(signal))
    for (const path of paths) if (await mounts.shows(entry, path, signal)) return entry;
  return undefined;
}
