import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';

/** Why a volume's group, or the volume in it, cannot be had. */
export interface Unfound {
  readonly reason: VolumeReason;
  readonly message: string;
}

/**
 * The group that a volume is in: the one with the UUID that was recorded when the volume was made, whatever else bears
 * its name now; before that the one that its name means. Undefined when there is none.
 */
export function findGroup(volume: LocalVolume, groups: readonly LvmGroup[]): LvmGroup | Unfound | undefined {
  const { vgName = '' } = volume.spec;
  const { groupUuid } = volume.status ?? {};
  const named = groups.filter(({ name }) => name === vgName);
  if (groupUuid === undefined) return named.find(({ doubt }) => doubt?.recorded) ?? named[0];
  const own = groups.find(({ uuid }) => uuid === groupUuid);
  if (own?.name === vgName) return own;
  if (own)
    return missing(
      `Volume group ${groupUuid}, which has the volume, is called ${own.name} now: rename it back with vgrename ${groupUuid} ${vgName}.`,
    );
  const [other] = named;
  return other
    ? missing(
        `Volume group ${groupUuid}, which has the volume, is not on this node; ${other.uuid} has its name ${vgName}. Bring its disks back.`,
      )
    : undefined;
}

const missing = (message: string): Unfound => ({ reason: 'GroupMissing', message });

/**
 * A logical volume of the volume's name that is not the one which was made for it; undefined when it is, or when that
 * was not recorded.
 */
export function mistaken({ spec, metadata, status }: LocalVolume, found: LvmVolume): Unfound | undefined {
  const { volumeUuid } = status ?? {};
  if (volumeUuid === undefined || volumeUuid === found.uuid) return undefined;
  return {
    reason: 'VolumeMismatch',
    message: `Logical volume ${spec.vgName}/${metadata.name} is ${found.uuid}, not ${volumeUuid}, which was made for this volume: it is neither used nor removed. Rename it.`,
  };
}

/**
 * Where the logical volume is that was made for a volume, once it is not in its group under its name: somebody renamed
 * it, or gave its disks to another group. Undefined when it is nowhere, or its UUID was not recorded.
 */
export function movedAway({ metadata, spec, status }: LocalVolume, groups: readonly LvmGroup[]): Unfound | undefined {
  const { vgName = '' } = spec;
  const { name = '' } = metadata;
  const { volumeUuid } = status ?? {};
  if (volumeUuid === undefined) return undefined;
  const places = groups.flatMap((group) =>
    group.volumes.filter(({ uuid }) => uuid === volumeUuid).map((found) => ({ vg: group.name, lv: found.name })),
  );
  const [place] = places;
  // A copy of the group by vgimportclone has logical volumes of the same UUIDs.
  if (!place || places.some(({ vg, lv }) => vg === vgName && lv === name)) return undefined;
  const { vg, lv } = place;
  const back = [
    ...(lv === name ? [] : [`rename it back with lvrename ${vg} ${lv} ${name}`]),
    ...(vg === vgName ? [] : [`bring its disks back into volume group ${vgName} with vgsplit or vgmerge`]),
  ];
  return {
    reason: 'VolumeMismatch',
    message: `The logical volume of this volume, ${volumeUuid}, is ${vg}/${lv} now: ${back.join(', and ')}.`,
  };
}

/** The name of the logical volume that a volume has; one that is its source snapshot itself has that one's. */
export const logicalVolumeOf = ({ metadata, spec }: LocalVolume): string =>
  (spec.readOnly ? spec.source?.snapshot : metadata.name) ?? '';

/** The logical volume of a volume as far as it can be used, or is there to be repaired. */
export function findVolume(volume: LocalVolume, groups: readonly LvmGroup[]): LvmVolume | undefined {
  const group = findGroup(volume, groups);
  if (!group || 'reason' in group || group.foreign || group.exported) return undefined;
  if (group.doubt && group.uuid !== volume.status?.groupUuid) return undefined;
  const found = group.volumes.find(({ name }) => name === logicalVolumeOf(volume));
  return found && !mistaken(volume, found) ? found : undefined;
}
