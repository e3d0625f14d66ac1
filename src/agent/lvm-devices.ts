import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import type { BlockDevice } from '../disk/disks.ts';
import { standingOn } from '../disk/stack.ts';
import type { LvmGroup, LvmReport } from '../lvm/report.ts';
import { linksTo, managedNames } from './storage/managed-names.ts';
import { findRecorded, recordedDisk } from './volumes/unit-disk.ts';

export interface LvmDevicesInput {
  readonly devices: readonly BlockDevice[];
  /** The volumes of this node. */
  readonly volumes: Iterable<LocalVolume>;
  /** Paths of what spec.resourceToBeInited names for volume groups, links followed. */
  readonly named: ReadonlySet<string>;
  /** Kernel names of what this node calls its disks. */
  readonly pattern: RegExp;
}

/**
 * The devices that lvm may look at: the node's own disks with what stands on them. Nothing is among them that a pod can
 * write to, be it directly or through anything that stands on it, since a pod may write a volume group of any name: no
 * logical volume, no disk that is a volume, no block device that the kubelet gave to a pod, no loop device and no disk
 * of another storage system that the node does not call its own.
 */
export function lvmDevices({ devices, volumes, named, pattern }: LvmDevicesInput): readonly string[] {
  const units = unitPaths(devices, volumes);
  const isOwn = ({ name, path, disk }: BlockDevice): boolean => named.has(path) || pattern.test(disk ?? name);
  const loops = new Set(devices.flatMap((device) => (isPodsFile(device) ? [device.name] : [])));
  const bases = devices.filter(
    (device) =>
      device.kind === 'unfit' ||
      device.kind === 'logical-volume' ||
      units.has(device.path) ||
      loops.has(device.name) ||
      device.holders.some((holder) => loops.has(holder)) ||
      (isBorrowed(device) && !isOwn(device)),
  );
  const taboo = standingOn(bases, devices);
  return devices.filter(({ name, size }) => size > 0 && !taboo.has(name)).map(({ path }) => path);
}

/** A disk by what was recorded of it, under whatever name it has now; one of which nothing was recorded by its name. */
function unitPaths(devices: readonly BlockDevice[], volumes: Iterable<LocalVolume>): ReadonlySet<string> {
  const paths = [...volumes].flatMap((volume) => {
    const { spec, status } = volume;
    if (spec.kind !== 'Device') return [];
    const found = recordedDisk(volume) === undefined ? undefined : findRecorded(volume, { devices, mounts: [] });
    return found ? [found.path] : [spec.path ?? '', status?.devicePath ?? ''];
  });
  return new Set(paths);
}

/** A loop device over what the kubelet shows to pods: their block devices, and files of their filesystems. */
const isPodsFile = ({ backingFile = '' }: BlockDevice): boolean =>
  /\/(volumeDevices|volumes\/kubernetes\.io~[^/]+)\//.test(backingFile);

/** Not made of this machine's own disks, or not seen to be: files, and volumes of other storage systems. */
const isBorrowed = ({ kind, name, disk }: BlockDevice): boolean =>
  kind === 'loop' || /^(loop|nbd|rbd|drbd|zd|ublkb)\d/.test(disk ?? name);

export interface OfferedInput {
  readonly devices: readonly BlockDevice[];
  readonly volumes: Iterable<LocalVolume>;
  readonly nls: NodeLocalStorage | undefined;
}

/**
 * What lvm reported, without the groups on disks that are offered to claims: who had such a disk may have made them. A
 * group that the configuration names, or that has volumes of ours, is the node's all the same.
 */
export function withoutTenantsGroups(report: LvmReport, { devices, volumes, nls }: OfferedInput): LvmReport {
  const found = {
    volumeGroups: report.groups.map(({ name }) => name),
    devices: devices.map(({ path }) => path),
    mountPoints: [],
  };
  const { managed } = managedNames(
    found,
    nls?.spec?.listConfig ?? {},
    nls?.status?.filteredStorageInfo ?? {},
    linksTo(devices),
  );
  const offered = devices.filter(({ path }) => managed.devices.includes(path));
  if (offered.length === 0) return report;
  const standing = standingOn(offered, devices);
  const numbers = new Set(devices.flatMap(({ name, majorMinor }) => (standing.has(name) ? [majorMinor] : [])));
  const paths = new Set(devices.flatMap(({ name, path }) => (standing.has(name) ? [path] : [])));
  const wanted = new Set([
    ...managed.volumeGroups,
    ...(nls?.spec?.resourceToBeInited?.vgs ?? []).map(({ name }) => name),
    ...[...volumes].map(({ spec }) => spec.vgName),
  ]);
  const isOffered = (group: LvmGroup): boolean =>
    group.devices.some(({ device, majorMinor = '' }) => numbers.has(majorMinor) || paths.has(device));
  return { ...report, groups: report.groups.filter((group) => wanted.has(group.name) || !isOffered(group)) };
}
