import { bytes, MIB } from './bytes.ts';
import { closedGroup, cordonOf, EVERYTHING, isCordoned, placesOf } from './cordon.ts';
import { textOf } from './fault.ts';
import { notOnDisk } from './mounted-disk.ts';
import type { GroupFacts, NodeStorage, UnitFacts } from './facts.ts';
import type { NlsDevice, NlsMountPoint, NlsVolumeGroup, NodeLocalStorage } from './objects.ts';
import { reservationsOf, reservedBytes, type Reservations } from './reservations.ts';
import { STORAGE_CORDONED } from './well-known.ts';

/** LVM's own default, for agents that do not report the extent size. */
const DEFAULT_EXTENT = 4 * MIB;

/** A node's storage, and what could not be understood of it: sentences that name the field, for an Event. */
export interface DecodedNode {
  readonly storage: NodeStorage;
  readonly problems: readonly string[];
}

/**
 * The managed part of a node's storage. Never throws: what is malformed is left out and told, and of a reservation that
 * cannot be read the whole group is kept back.
 */
export function nodeStorage(nls: NodeLocalStorage): DecodedNode {
  const problems: string[] = [];
  const info = nls.status?.nodeStorageInfo;
  const managed = nls.status?.filteredStorageInfo;
  const devices = info?.deviceInfo ?? [];
  const reservations = reservationsOf(nls, problems);
  const cordon = cordonOf(nls);

  const groups = pick(info?.volumeGroups, managed?.volumeGroups).flatMap((vg) =>
    attempt(`volume group ${vg.name}`, problems, () => {
      const facts = groupFacts(vg, reservations, problems);
      return isCordoned(cordon, vg.name) ? closedGroup(facts) : facts;
    }),
  );
  const units = [
    ...pick(devices, managed?.devices).flatMap((device) =>
      attempt(`device ${device.name}`, problems, () => deviceFacts(device)),
    ),
    ...pick(info?.mountPoints, managed?.mountPoints).flatMap((mount) =>
      attempt(`mount point ${mount.name}`, problems, () => mountFacts(mount, devices)),
    ),
  ].map((unit) => ({ ...unit, usable: unit.usable && !isCordoned(cordon, unit.path) }));
  problems.push(...unknownNames(nls, cordon));
  return { storage: { name: nls.metadata.name ?? '', groups, units }, problems };
}

function pick<T extends { name: string }>(all: readonly T[] = [], names: readonly string[] = []): T[] {
  const managed = new Set(names);
  const first = new Map<string, T>();
  for (const item of all) if (managed.has(item.name) && !first.has(item.name)) first.set(item.name, item);
  return [...first.values()];
}

function attempt<T>(what: string, problems: string[], decode: () => T): T[] {
  try {
    return [decode()];
  } catch (error) {
    problems.push(`status of ${what}: ${textOf(error)}; it is not used until the agent reports it again`);
    return [];
  }
}

function groupFacts(vg: NlsVolumeGroup, reservations: Reservations, problems: string[]): GroupFacts {
  const total = bytes(vg.total);
  return {
    name: vg.name,
    total,
    available: bytes(vg.available),
    extentSize: bytes(vg.extentSize || DEFAULT_EXTENT),
    // A faulty group keeps what it has and gets nothing new.
    reserved: vg.condition === 'DiskFault' ? total : reservedBytes(vg.name, reservations, total, problems),
    volumes: (vg.logicalVolumes ?? []).map((volume) => ({ name: volume.name, size: bytes(volume.total) })),
  };
}

/** A name that is misspelled would keep nothing back. A node that has not reported knows no names. */
function unknownNames(nls: NodeLocalStorage, cordon: ReadonlySet<string>): string[] {
  const { volumeGroups, deviceInfo, mountPoints } = nls.status?.nodeStorageInfo ?? {};
  if (!volumeGroups && !deviceInfo && !mountPoints) return [];
  const known = new Set([EVERYTHING, ...placesOf(nls)]);
  return [...cordon]
    .filter((name) => !known.has(name))
    .map(
      (name) =>
        `annotation ${STORAGE_CORDONED} names ${name}, which is no volume group, disk or mount point of this node: take it out, or correct it`,
    );
}

function deviceFacts(device: NlsDevice): UnitFacts {
  const free = !device.inUse && !device.readOnly && device.condition !== 'DiskFault';
  return {
    kind: 'Device',
    path: device.name,
    size: bytes(device.total),
    ...(device.mediaType ? { mediaType: device.mediaType } : {}),
    usable: free,
  };
}

function mountFacts(mount: NlsMountPoint, devices: readonly NlsDevice[]): UnitFacts {
  const mediaType = mount.device ? diskOf(mount.device, devices)?.mediaType : undefined;
  const healthy = mount.condition !== 'DiskFault' && mount.condition !== 'DiskFull';
  return {
    kind: 'MountPoint',
    path: mount.name,
    size: bytes(mount.total),
    ...(mediaType ? { mediaType } : {}),
    usable: healthy && !mount.readOnly && !mount.isBind && notOnDisk(mount) === undefined,
  };
}

/** The disk itself, or the one that a partition such as /dev/sdb1 or /dev/nvme0n1p2 is on. */
function diskOf(device: string, devices: readonly NlsDevice[]): NlsDevice | undefined {
  return (
    devices.find(({ name }) => name === device) ??
    devices.find(({ name }) => device.startsWith(name) && /^p?\d+$/.test(device.slice(name.length)))
  );
}
