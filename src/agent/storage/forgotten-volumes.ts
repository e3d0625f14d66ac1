import type { LocalVolume } from '../../model/local-volume.ts';
import type { BlockDevice } from '../../disk/disks.ts';
import { mapperUuidOf } from '../../lvm/names.ts';
import type { LvmGroup } from '../../lvm/report.ts';

/** A logical volume that its group has no more, and whose device is there. */
export interface ForgottenVolume {
  readonly groupUuid: string;
  readonly name: string;
}

/**
 * The volumes that were made in a group, are active, and of which its metadata knows nothing any more: it was written
 * by a program that does not share LVM's locks, as in a container, or was restored from an older state. Their extents
 * count as free. (LVM itself takes a device away before it forgets a volume.) `list` is asked only if one is missing.
 */
export async function forgottenVolumes(
  groups: readonly LvmGroup[],
  volumes: Iterable<LocalVolume>,
  list: () => Promise<readonly BlockDevice[]>,
): Promise<readonly ForgottenVolume[]> {
  const known = new Set(groups.map(({ uuid }) => uuid));
  const there = new Set(groups.flatMap((group) => group.volumes.map(({ uuid }) => uuid)));
  const missing = [...volumes].flatMap(({ metadata: { name = '' }, spec, status = {} }) => {
    const { groupUuid, volumeUuid } = status;
    const isMade = spec.kind === 'LVM' && !spec.readOnly && groupUuid !== undefined && volumeUuid !== undefined;
    return isMade && known.has(groupUuid) && !there.has(volumeUuid) ? [{ groupUuid, volumeUuid, name }] : [];
  });
  if (missing.length === 0) return [];
  const active = new Set((await list()).map(({ mapperUuid }) => mapperUuid));
  return missing
    .filter(({ groupUuid, volumeUuid }) => active.has(mapperUuidOf(groupUuid, volumeUuid)))
    .map(({ groupUuid, name }) => ({ groupUuid, name }));
}
