import type { NodeLocalStorage, StorageCondition } from './objects.ts';
import { LOST } from './well-known.ts';

/** What is wrong with the storage of one node, by its own report; each trouble is a sentence with what to do. */
export interface StorageTroubles {
  /** Why an administrator calls the node lost. */
  readonly lost?: string;
  /** By name. */
  readonly groups: ReadonlyMap<string, string>;
  /** Logical volumes that are not whole, by their group. */
  readonly volumes: ReadonlyMap<string, readonly string[]>;
  /** Disks and mount points, by path. */
  readonly units: ReadonlyMap<string, string>;
  /** Disks that fail while they serve, by what they carry: a group, a mount path, or the path of a whole disk. */
  readonly disks: ReadonlyMap<string, string>;
}

/** Reads a node's report. Nearly always nothing is wrong: one object stands for all of those. */
export function storageTroubles(nls: NodeLocalStorage): StorageTroubles {
  const lost = nls.metadata.annotations?.[LOST];
  if (lost !== undefined) return { ...NO_TROUBLES, lost };
  const { volumeGroups = [] } = nls.status?.nodeStorageInfo ?? {};
  const groups = new Map(
    volumeGroups
      .filter(isFaulty)
      .map(({ name }) => [name, conditionOf(nls, `VolumeGroup/${name}`) ?? groupFaulty(name)] as const),
  );
  const broken = volumeGroups.map(
    ({ name, logicalVolumes = [] }) => [name, logicalVolumes.filter(isFaulty).map((volume) => volume.name)] as const,
  );
  const volumes = new Map(broken.filter(([, names]) => names.length > 0));
  const units = unitTroubles(nls);
  const disks = diskTroubles(nls);
  return groups.size + volumes.size + units.size + disks.size === 0 ? NO_TROUBLES : { groups, volumes, units, disks };
}

/** A place on several disks that fail has the sentences of all. */
function diskTroubles({ status }: NodeLocalStorage): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { message, carries } of status?.failingDisks ?? [])
    for (const place of carries ?? []) found.set(place, [found.get(place) ?? [], message].flat().join(' '));
  return found;
}

function unitTroubles(nls: NodeLocalStorage): ReadonlyMap<string, string> {
  const { deviceInfo = [], mountPoints = [] } = nls.status?.nodeStorageInfo ?? {};
  return new Map([
    ...deviceInfo
      .filter(isFaulty)
      .map(({ name }) => [name, `disk ${name} has no size any more: see whether it is still there`] as const),
    ...mountPoints
      .filter(isFaulty)
      .map(
        ({ name }) =>
          [name, conditionOf(nls, `MountPoint/${name}`) ?? `the filesystem at ${name} cannot be read`] as const,
      ),
  ]);
}

const isFaulty = ({ condition }: { readonly condition?: StorageCondition }): boolean => condition === 'DiskFault';

/** What the agent says in a condition that does not hold. */
const conditionOf = ({ status }: NodeLocalStorage, type: string): string | undefined =>
  status?.conditions?.find((condition) => condition.type === type && condition.status === 'False')?.message;

const groupFaulty = (name: string): string =>
  `volume group ${name} lacks a disk, or is another than it was: bring the disk back`;

export const NO_TROUBLES: StorageTroubles = {
  groups: new Map(),
  volumes: new Map(),
  units: new Map(),
  disks: new Map(),
};

/** What a line about a node says of so many failing disks. */
export const noteOfFailing = (disks = 0): readonly string[] =>
  disks === 0 ? [] : [disks === 1 ? 'a disk fails' : `${disks} disks fail`];

/** What a line about a node says of its failing disks. */
export const failingNotes = ({ status }: NodeLocalStorage): readonly string[] =>
  noteOfFailing(status?.failingDisks?.length);
