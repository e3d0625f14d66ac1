import { present } from '../../model/present.ts';
import type { BlockDevice } from '../../disk/disks.ts';
import type { Ties } from '../../disk/advice.ts';
import { diskIdentity } from '../../disk/identity.ts';
import { useOf, type DeviceFacts } from '../../disk/inspect.ts';
import type { PhysicalVolume } from '../../lvm/report.ts';
import type { Observation } from './observe.ts';

/** A device by the path it leads to. */
export const deviceAt = (devices: readonly BlockDevice[], path: string): BlockDevice | undefined =>
  devices.find((device) => device.path === path);

/**
 * What is known of the device that `path` names, before its content is looked at; `resolved` is where the name leads.
 */
export function factsOf(path: string, resolved: string | undefined, observation: Observation): DeviceFacts {
  const device = resolved === undefined ? undefined : deviceAt(observation.devices, resolved);
  const group = device && groupOf(device, observation);
  return {
    path,
    ...present({ resolved }),
    ...(device ? { device, mountedAt: mountedAt(device, observation) } : { mountedAt: [] }),
    ...present({ group, otherPath: device && otherPathOf(device, observation) }),
    ties: tiesOf(observation),
  };
}

/** Everything by which a device may turn out to belong to something. */
function tiesOf({ groups, orphans, absent = [] }: Observation): Ties {
  const members = groups.flatMap(({ name, devices: pvs }) => pvs.map(({ uuid }) => [uuid, name] as const));
  const partial = groups.flatMap((group) => (group.partial ? [group.name] : []));
  return {
    physicalVolumes: new Map([...orphans.map(({ uuid }) => [uuid, ''] as const), ...members]),
    absentGroups: [...new Set([...partial, ...absent])],
  };
}

/** What is known to use the disk by another of its paths, as multipath without its daemon has them. */
function otherPathOf(device: BlockDevice, observation: Observation): string | undefined {
  const { devices } = observation;
  const wholeOf = ({ name, disk = name }: BlockDevice): BlockDevice | undefined =>
    devices.find((candidate) => candidate.name === disk);
  const whole = wholeOf(device);
  const identity = whole && diskIdentity(whole, devices);
  if (identity === undefined) return undefined;
  const same = devices.filter((other) => {
    const base = wholeOf(other);
    return base && base.name !== whole?.name && base.kind === 'disk' && diskIdentity(base, devices) === identity;
  });
  const uses = same.flatMap((other) => {
    const use = useOf({
      path: other.path,
      resolved: other.path,
      device: other,
      mountedAt: mountedAt(other, observation),
      ...present({ group: groupOf(other, observation) }),
    });
    return use && OF_OTHERS.includes(use.kind) ? [`is another path to ${other.path}, which ${use.what}`] : [];
  });
  return uses[0];
}

/** What a disk is used for whatever its path. */
const OF_OTHERS: readonly string[] = ['in-group', 'swap', 'mounted', 'partitioned', 'held'];

/** The name of the group the device is in; empty when it belongs to LVM without a group. */
function groupOf(device: BlockDevice, observation: Observation): string | undefined {
  const group = observation.groups.find(({ devices }) => devices.some((pv) => isAt(device, pv)));
  return group?.name ?? (orphanAt(device, observation) ? '' : undefined);
}

/** What LVM has there, and no group. */
export const orphanAt = (device: BlockDevice, { orphans }: Pick<Observation, 'orphans'>): PhysicalVolume | undefined =>
  orphans.find((pv) => isAt(device, pv));

const isAt = (device: BlockDevice, pv: PhysicalVolume): boolean =>
  pv.majorMinor === device.majorMinor || pv.device === device.path;

function mountedAt(device: BlockDevice, { devices, mounts }: Observation): readonly string[] {
  const parts = devices.filter(({ disk, name }) => name === device.name || disk === device.name);
  const numbers = new Set(parts.map(({ majorMinor }) => majorMinor));
  const paths = new Set(parts.map(({ path }) => path)); // btrfs mounts have numbers of their own
  const found = mounts.filter(({ majorMinor, source }) => numbers.has(majorMinor) || paths.has(source));
  return [...new Set(found.map(({ target }) => target))];
}
