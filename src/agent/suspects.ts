import type { LocalVolume } from '../model/objects.ts';
import { isUnfinished } from '../lvm/lvm.ts';
import type { Observation } from './observe.ts';
import { isSettled } from './reconcile-volume.ts';

/** Names of volumes that are told to be ready while what was seen says otherwise: they are to be looked at again. */
export function findSuspects(
  volumes: Iterable<LocalVolume>,
  seen: Pick<Observation, 'groups' | 'devices' | 'mountPoints'>,
): readonly string[] {
  return [...volumes]
    .filter((volume) => isSettled(volume) && !isSeen(volume, seen))
    .map(({ metadata }) => metadata.name ?? '');
}

function isSeen(
  { metadata, spec }: LocalVolume,
  { groups, devices, mountPoints }: Pick<Observation, 'groups' | 'devices' | 'mountPoints'>,
): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  if (spec.kind === 'Device') return devices.some(({ path }) => path === spec.path);
  if (spec.kind === 'MountPoint') return mountPoints.some(({ entry }) => entry.target === spec.path);
  const found = groups.find(({ name }) => name === spec.vgName)?.volumes.find(({ name }) => name === metadata.name);
  return found !== undefined && found.size >= spec.sizeBytes && !isUnfinished(found) && found.active !== false;
}
