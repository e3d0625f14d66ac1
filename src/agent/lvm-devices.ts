import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import type { BlockDevice } from '../disk/disks.ts';
import { standingOn } from '../disk/stack.ts';
import type { GroupDoubt, LvmGroup, LvmReport } from '../lvm/report.ts';
import { linksTo, managedNames } from './storage/managed-names.ts';
import { groupsBefore } from './storage/group-doubt.ts';
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
  /** The UUID of the group that each name means, as far as it was recorded. */
  readonly known: ReadonlyMap<string, string>;
}

/**
 * What lvm reported, without the groups on disks that are offered to claims: who had such a disk may have made them,
 * and under any name. One whose name the configuration or a volume has stays, in doubt; one that is the node's for
 * certain stays as it is.
 */
export function withoutTenantsGroups(report: LvmReport, input: OfferedInput): LvmReport {
  const { devices, nls, known } = input;
  const { managed } = managedNames(
    {
      volumeGroups: report.groups.map(({ name }) => name),
      devices: devices.map(({ path }) => path),
      mountPoints: [],
    },
    nls?.spec?.listConfig ?? {},
    nls?.status?.filteredStorageInfo ?? {},
    linksTo(devices),
  );
  const offered = devices.filter(({ path }) => managed.devices.includes(path));
  if (offered.length === 0) return report;
  const isOffered = standsOn(offered, devices);
  const isListed = listedIn(nls, devices);
  const before = groupsBefore(nls);
  // On a node that never reported no claim ever had a disk.
  const isFirstSight = nls?.status?.knownGroups === undefined && before === undefined;
  const wanted = new Set([...managed.volumeGroups, ...[...input.volumes].map(({ spec }) => spec.vgName)]);
  const groups = report.groups.flatMap((group): readonly LvmGroup[] => {
    const isKnown = known.get(group.name) === group.uuid || before?.get(group.name) === group.uuid;
    const isNodes = isKnown || isListed(group);
    if (isNodes || !isOffered(group)) return [group];
    if (!wanted.has(group.name)) return [];
    return isFirstSight ? [group] : [{ ...group, doubt: onOfferedDisk(group) }];
  });
  return { ...report, groups };
}

/** Whether a group has a device that stands on one of these. */
function standsOn(bases: readonly BlockDevice[], devices: readonly BlockDevice[]): (group: LvmGroup) => boolean {
  const standing = standingOn(bases, devices);
  const found = devices.filter(({ name }) => standing.has(name));
  const numbers = new Set(found.map(({ majorMinor }) => majorMinor));
  const paths = new Set(found.map(({ path }) => path));
  return (group) => group.devices.some(({ device, majorMinor = '' }) => numbers.has(majorMinor) || paths.has(device));
}

/** Whether the configuration has groups made, and this is one of them, by its name and one of its disks. */
function listedIn(nls: NodeLocalStorage | undefined, devices: readonly BlockDevice[]): (group: LvmGroup) => boolean {
  const listed = nls?.spec?.resourceToBeInited?.vgs ?? [];
  return (group) =>
    listed
      .filter(({ name }) => name === group.name)
      .some((one) => {
        const disks = devices.filter(({ path, links = [] }) =>
          one.devices.some((name) => [path, ...links].includes(name)),
        );
        return one.devices.length === 0 || standsOn(disks, devices)(group);
      });
}

function onOfferedDisk({ name, uuid, devices }: LvmGroup): GroupDoubt {
  const paths = devices.map(({ device }) => device).join(', ');
  return {
    reason: 'OnOfferedDisk',
    recorded: false,
    message: `Volume group ${name} (${uuid}) is on ${paths}, and spec.listConfig.devices offers such disks to claims: a pod that had the disk may have made the group. Nothing is made or removed in it. If it is the node’s, list it with its disks in spec.resourceToBeInited.vgs, or exclude the disks from spec.listConfig.devices.`,
  };
}
