import type { LocalVolume } from '../../model/local-volume.ts';
import { DISK, FILESYSTEM } from '../../model/well-known.ts';
import type { BlockDevice } from '../../disk/disks.ts';
import { diskIdentity, isCalledOtherwise, isGrown } from '../../disk/identity.ts';
import { mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import type { MountPoint } from '../storage/observe.ts';

/** What of an observation tells where disks are. */
export interface Places {
  readonly devices: readonly BlockDevice[];
  readonly mounts: readonly MountEntry[];
}

/** Which disk the volume was given when it was made; undefined when that disk told nothing of itself. */
export const recordedDisk = ({ metadata }: LocalVolume): string | undefined => metadata.annotations?.[DISK];

/** Which filesystem a MountPoint volume was given when it was made; undefined before that. */
export const recordedFilesystem = ({ metadata }: LocalVolume): string | undefined => metadata.annotations?.[FILESYSTEM];

/** The filesystem of a MountPoint volume, where it is mounted; undefined when it is not, or when another one is. */
export function findFilesystem(
  volume: LocalVolume,
  { devices, mountPoints }: Pick<Places, 'devices'> & { readonly mountPoints: readonly MountPoint[] },
): MountPoint | undefined {
  const path = volume.status?.devicePath ?? volume.spec.path;
  const found = mountPoints.find(({ entry }) => entry.target === path);
  const recorded = recordedFilesystem(volume);
  if (!found || (recorded !== undefined && found.identity !== recorded)) return undefined;
  return isInPlace(volume, { devices, mounts: [found.entry] }) ? found : undefined;
}

/**
 * The disk of a Device volume by what was recorded, under whatever name it has now; of several that tell the
 * same, the one that still has its name, and else none. One that has grown must have its name, too: makers give one
 * name to disks of several sizes.
 */
export function findRecorded(volume: LocalVolume, { devices }: Places): BlockDevice | undefined {
  const recorded = recordedDisk(volume);
  const same = devices.filter((device) => diskIdentity(device, devices) === recorded);
  if (same.length > 0) return same.length === 1 ? same[0] : same.find(({ path }) => path === volume.spec.path);
  const told = devices.find(({ path }) => path === pathOf(volume));
  return told && hasGrown(volume, diskIdentity(told, devices)) ? told : undefined;
}

/**
 * Whether nothing but its name tells which disk a Device volume has: that told nothing of itself, or another one tells
 * the same now. After a boot such disks may have each other's names.
 */
export function isKnownByName(volume: LocalVolume, { devices }: Pick<Places, 'devices'>): boolean {
  if (volume.spec.kind !== 'Device') return false;
  const recorded = recordedDisk(volume);
  return recorded === undefined || devices.filter((device) => diskIdentity(device, devices) === recorded).length > 1;
}

/** What is to be recorded of the disk that a volume gets. */
export function identityAt(volume: LocalVolume, path: string, places: Places): string | undefined {
  const device = deviceOf(volume, path, places);
  return device && diskIdentity(device, places.devices);
}

/**
 * Whether a Device or MountPoint volume's own disk is where the volume was told to be: names may lead to another disk
 * after a boot.
 */
export function isInPlace(volume: LocalVolume, places: Places): boolean {
  const path = pathOf(volume);
  const recorded = recordedDisk(volume);
  if (recorded !== undefined) {
    const now = identityAt(volume, path, places);
    const isElsewhere = places.devices.some((device) => diskIdentity(device, places.devices) === recorded);
    return now === recorded || (!isElsewhere && hasGrown(volume, now));
  }
  return volume.spec.kind === 'Device'
    ? deviceOf(volume, path, places) !== undefined
    : mountAt(places.mounts, path) !== undefined;
}

/**
 * What the disk at the volume's place tells, where that may be its own under another number: it has the same size, and
 * the recorded one is nowhere. A new kernel or firmware may tell otherwise of a disk what it is, NVMe above all.
 */
export function calledOtherwise(volume: LocalVolume, places: Places): string | undefined {
  const recorded = recordedDisk(volume);
  const now = identityAt(volume, pathOf(volume), places);
  if (recorded === undefined || now === undefined || !isCalledOtherwise(recorded, now)) return undefined;
  const isElsewhere = places.devices.some((device) => diskIdentity(device, places.devices) === recorded);
  return isElsewhere ? undefined : now;
}

const pathOf = ({ spec, status }: LocalVolume): string => status?.devicePath ?? spec.path ?? '';

const hasGrown = (volume: LocalVolume, now: string | undefined): boolean =>
  now !== undefined && isGrown(recordedDisk(volume) ?? '', now);

/** Whether a volume's disk is in its place and is larger than when it was recorded: it is to be recorded anew. */
export const hasGrownInPlace = (volume: LocalVolume, places: Places): boolean =>
  recordedDisk(volume) !== undefined &&
  isInPlace(volume, places) &&
  identityAt(volume, pathOf(volume), places) !== recordedDisk(volume);

function deviceOf({ spec }: LocalVolume, path: string, { devices, mounts }: Places): BlockDevice | undefined {
  if (spec.kind === 'Device') return devices.find((device) => device.path === path);
  const entry = mountAt(mounts, path);
  return devices.find((device) => device.majorMinor === entry?.majorMinor || device.path === entry?.source);
}
