import type { LocalVolume } from '../../model/local-volume.ts';
import { diskIdentity, isGrown } from '../../disk/identity.ts';
import type { OwnerOf, UnitPlaces } from '../storage/owner-of.ts';
import { recordedDisk, recordedFilesystem } from './unit-disk.ts';
import { hasBeenReady } from './volume-step.ts';

/**
 * By the path that a volume was told, and by what was recorded of it, whatever it is called now: after a boot disks may
 * have each other's names. A partition of a volume's disk is the volume's, and so is another path to the disk.
 */
export const ownerAmong =
  (volumes: ReadonlyMap<string, LocalVolume>): OwnerOf =>
  (path, places) => {
    const known = unitAt(path, places);
    return nameOf([...volumes.values()].find((volume) => hasPath(volume, known) || hasIdentity(volume, known)));
  };

/**
 * Names another volume that has been given what is at a path, so that a volume that was never ready may not take it.
 * One of which it was recorded what it has is at its path only if that is there.
 */
export function otherOwner(
  { metadata }: LocalVolume,
  path: string,
  places: UnitPlaces,
  volumes: ReadonlyMap<string, LocalVolume>,
): string | undefined {
  const known = unitAt(path, places);
  const isRecorded = (other: LocalVolume): boolean => (recordedDisk(other) ?? recordedFilesystem(other)) !== undefined;
  const others = [...volumes.values()].filter(
    (other) => other.metadata.name !== metadata.name && (hasBeenReady(other) || isRecorded(other)),
  );
  return nameOf(others.find((other) => (isRecorded(other) ? hasIdentity(other, known) : hasPath(other, known))));
}

const nameOf = (volume: LocalVolume | undefined): string | undefined => volume?.metadata.name;

interface KnownUnit {
  /** Its own, and that of the disk that a partition is on. */
  readonly paths: readonly string[];
  readonly disks: readonly string[];
  readonly filesystem: string | undefined;
}

function unitAt(path: string, { devices, mountPoints }: UnitPlaces): KnownUnit {
  const device = devices.find((candidate) => candidate.path === path);
  const whole = devices.find(({ name }) => name === device?.disk);
  const parts = [device, whole].filter((part) => part !== undefined);
  return {
    paths: [path, ...parts.map((part) => part.path)],
    disks: parts.flatMap((part) => diskIdentity(part, devices) ?? []),
    filesystem: mountPoints.find(({ entry }) => entry.target === path)?.identity,
  };
}

const hasPath = ({ spec, status }: LocalVolume, { paths }: KnownUnit): boolean =>
  spec.kind !== 'LVM' && paths.includes(status?.devicePath ?? spec.path ?? '');

function hasIdentity(volume: LocalVolume, { disks, filesystem }: KnownUnit): boolean {
  const { kind } = volume.spec;
  if (kind === 'MountPoint') return filesystem !== undefined && recordedFilesystem(volume) === filesystem;
  const recorded = recordedDisk(volume) ?? '';
  return kind === 'Device' && disks.some((disk) => disk === recorded || isGrown(recorded, disk));
}
