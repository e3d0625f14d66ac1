import { present } from '../../model/present.ts';
import { bytes, minus, type Bytes } from '../../model/bytes.ts';
import type { NlsDevice, NlsMountPoint, NlsVolumeGroup, StorageCondition } from '../../model/objects.ts';
import type { BlockDevice } from '../../disk/disks.ts';
import { OUR_TAG } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import { compareText } from './conditions.ts';
import type { MountPoint, Observation } from './observe.ts';
import { twinsOf } from './offered-mount-points.ts';

/** A disk or partition with what keeps a claim from having it; undefined when nothing does. */
export interface ReportedDevice {
  readonly device: BlockDevice;
  readonly inUse: string | undefined;
}

/** The three lists of status.nodeStorageInfo, each sorted by name. Sizes in bytes. */
export interface StorageLists {
  readonly deviceInfo: NlsDevice[];
  readonly volumeGroups: NlsVolumeGroup[];
  readonly mountPoints: NlsMountPoint[];
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => compareText(a.name, b.name);

/** What was seen, as NodeLocalStorage tells it. */
export function storageLists(observation: Observation, devices: readonly ReportedDevice[]): StorageLists {
  return {
    deviceInfo: devices.map(deviceInfo).toSorted(byName),
    volumeGroups: observation.groups
      .filter(({ exported, foreign, doubt }) => !exported && !foreign && (!doubt || doubt.recorded))
      .map(groupInfo)
      .toSorted(byName),
    mountPoints: observation.mountPoints
      .map((mountPoint) => mountPointInfo(mountPoint, observation.mountPoints))
      .toSorted(byName),
  };
}

function deviceInfo({ device, inUse }: ReportedDevice): NlsDevice {
  const { path, mediaType, size, readOnly } = device;
  return {
    name: path,
    mediaType,
    total: size,
    readOnly,
    condition: size === 0 ? 'DiskFault' : 'DiskReady',
    ...present({ inUse }),
  };
}

function groupInfo(group: LvmGroup): NlsVolumeGroup {
  const volumes = group.volumes.toSorted((a, b) => compareText(a.name, b.name));
  return {
    name: group.name,
    uuid: group.uuid,
    physicalVolumes: group.devices.map(({ device }) => device).toSorted(compareText),
    logicalVolumes: volumes.map((volume) => ({
      name: volume.name,
      vgname: group.name,
      total: volume.taken,
      ...(volume.readOnly ? { readOnly: true } : {}),
      condition: volume.health === '' ? 'DiskReady' : 'DiskFault',
    })),
    total: group.total,
    available: group.room,
    allocatable: allocatable(group),
    condition: conditionOf(group),
    extentSize: group.extentSize,
  };
}

/** What all our volumes together can have: all but what others keep, be it volumes or what LVM uses beside them. */
function allocatable({ total, room: free, volumes }: LvmGroup): Bytes {
  const ours = volumes.filter(isOurs).reduce((sum, { taken }) => sum + taken, 0);
  return minus(total, minus(minus(total, free), bytes(ours)));
}

/** Tagged by us, or named as open-local names its volumes: "local-…" for claims, "csi-…" for inline ones. */
const isOurs = ({ name, tags }: LvmVolume): boolean => tags.includes(OUR_TAG) || /^(local|csi)-/.test(name);

function conditionOf({ partial, doubt, devices, room, extentSize }: LvmGroup): StorageCondition {
  if (partial || doubt || devices.some(({ cutTo }) => cutTo !== undefined)) return 'DiskFault';
  return room < extentSize ? 'DiskFull' : 'DiskReady';
}

function mountPointInfo(mountPoint: MountPoint, all: readonly MountPoint[]): NlsMountPoint {
  const { entry, stats } = mountPoint;
  const { target, fsType, root, options, source } = entry;
  const full = stats?.available === 0;
  return {
    name: target,
    total: stats?.total ?? 0,
    available: stats?.available ?? 0,
    fsType,
    isBind: root !== '/' || twinsOf(mountPoint, all).length > 0,
    options: [...options],
    device: source,
    readOnly: options.includes('ro'),
    condition: stats === undefined ? 'DiskFault' : full ? 'DiskFull' : 'DiskReady',
  };
}
