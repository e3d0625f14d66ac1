import type { LocalVolume } from '../model/objects.ts';
import { isUnfinished } from '../lvm/lvm.ts';
import type { Observation } from './observe.ts';
import { isInPlace } from './unit-disk.ts';
import { isSettled } from './reconcile-volume.ts';

/** Names of volumes about which the node says otherwise than what was seen, lost or back again: they are to be looked at again. */
export function findSuspects(
  volumes: Iterable<LocalVolume>,
  seen: Pick<Observation, 'groups' | 'devices' | 'mountPoints'>,
): readonly string[] {
  return [...volumes]
    .filter((volume) =>
      isSettled(volume) ? !isSeen(volume, seen) && !isLeaving(volume) : isMissed(volume) && isSeen(volume, seen),
    )
    .map(({ metadata }) => metadata.name ?? '');
}

const isLeaving = ({ metadata }: LocalVolume): boolean => metadata.deletionTimestamp !== undefined;

/** For want of its disks; tried again from time to time anyway, but they may be back now. */
const isMissed = ({ status }: LocalVolume): boolean =>
  ['UnitMissing', 'GroupMissing', 'VolumeLost', 'ActivationFailed'].includes(status?.reason ?? '');

function isSeen(
  volume: LocalVolume,
  { groups, devices, mountPoints }: Pick<Observation, 'groups' | 'devices' | 'mountPoints'>,
): boolean {
  const { metadata, spec } = volume;
  if (spec.kind === 'MountPoint' || spec.kind === 'Device')
    return isInPlace(volume, { devices, mounts: mountPoints.map(({ entry }) => entry) });
  const found = groups.find(({ name }) => name === spec.vgName)?.volumes.find(({ name }) => name === metadata.name);
  return found !== undefined && found.size >= spec.sizeBytes && !isUnfinished(found) && found.active !== false;
}
