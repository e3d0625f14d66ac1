import { bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { meaningOf } from '../../model/volume-reasons.ts';
import { isUnfinished } from '../../lvm/create-volumes.ts';
import type { LvmVolume } from '../../lvm/report.ts';
import { isLargeEnough } from '../../lvm/snapshots.ts';
import type { Observation } from '../storage/observe.ts';
import { findVolume } from './find-group.ts';
import { isRecoverable } from './plan-volume.ts';
import { findFilesystem, hasGrownInPlace, isInPlace, type Places } from './unit-disk.ts';
import { isSettled } from './is-settled.ts';

/** Volumes whose status no longer matches what observe() found: lost, or back again. They are to be looked at again. */
export function findSuspects(volumes: Iterable<LocalVolume>, seen: Seen): readonly string[] {
  return [...volumes]
    .filter((volume) =>
      isSettled(volume) ? !isSeen(volume, seen) && !isLeaving(volume) : isMissed(volume) && isThere(volume, seen),
    )
    .map(({ metadata }) => metadata.name ?? '');
}

const isLeaving = ({ metadata }: LocalVolume): boolean => metadata.deletionTimestamp !== undefined;

/** The cause may have ended; the volume is tried again from time to time anyway. */
const isMissed = ({ status }: LocalVolume): boolean =>
  status?.reason !== undefined && meaningOf(status.reason).recheckWhenSeen;

type Seen = Pick<Observation, 'groups' | 'devices' | 'mountPoints'>;

/** As its object says. */
function isSeen(volume: LocalVolume, seen: Seen): boolean {
  if (volume.spec.kind !== 'LVM') return isThere(volume, seen) && !hasGrownInPlace(volume, placesIn(seen));
  const found = findVolume(volume, seen.groups);
  const isRecorded = volume.status?.volumeUuid !== undefined;
  return found !== undefined && isRecorded && isWhole(volume, found) && isUsable(found);
}

const isUsable = (found: LvmVolume): boolean => !isUnfinished(found) && found.active !== false && !isRecoverable(found);

/** As large as asked, and a snapshot is still the one that it was. */
function isWhole({ spec }: LocalVolume, found: LvmVolume): boolean {
  const isSnapshot = spec.role === 'Snapshot' || spec.readOnly === true;
  if (isSnapshot && (!found.snapshot || found.snapshot.invalid)) return false;
  return spec.readOnly === true || isLargeEnough(found, bytes(spec.sizeBytes));
}

const placesIn = ({ devices, mountPoints }: Seen): Places => ({
  devices,
  mounts: mountPoints.map(({ entry }) => entry),
});

/** In whatever state. */
function isThere(volume: LocalVolume, seen: Seen): boolean {
  if (volume.spec.kind === 'LVM') return findVolume(volume, seen.groups) !== undefined;
  if (volume.spec.kind === 'MountPoint') return findFilesystem(volume, seen) !== undefined;
  return isInPlace(volume, { devices: seen.devices, mounts: [] });
}
