import type { BlockDevice } from '../disk/disks.ts';
import type { DeviceFacts } from '../disk/inspect.ts';
import type { Observation } from './observe.ts';

/** A device by the path it leads to. */
export const deviceAt = (devices: readonly BlockDevice[], path: string): BlockDevice | undefined =>
  devices.find((device) => device.path === path);

/** What is known of the device that `path` names, before its content is looked at; `resolved` is where the name leads. */
export function factsOf(path: string, resolved: string | undefined, observation: Observation): DeviceFacts {
  const device = resolved === undefined ? undefined : deviceAt(observation.devices, resolved);
  const group = device && groupOf(device, observation);
  return {
    path,
    ...(resolved === undefined ? {} : { resolved }),
    ...(device ? { device, mountedAt: mountedAt(device, observation) } : { mountedAt: [] }),
    ...(group === undefined ? {} : { group }),
  };
}

/** The name of the group the device is in; empty when it belongs to LVM without a group. */
function groupOf(device: BlockDevice, { groups, orphans }: Observation): string | undefined {
  const isIt = (pv: { readonly device: string; readonly majorMinor?: string }): boolean =>
    pv.majorMinor === device.majorMinor || pv.device === device.path;
  const group = groups.find(({ devices }) => devices.some(isIt));
  return group?.name ?? (orphans.some(isIt) ? '' : undefined);
}

function mountedAt(device: BlockDevice, { devices, mounts }: Observation): readonly string[] {
  const parts = devices.filter(({ disk, name }) => name === device.name || disk === device.name);
  const numbers = new Set(parts.map(({ majorMinor }) => majorMinor));
  const paths = new Set(parts.map(({ path }) => path)); // btrfs mounts have numbers of their own
  const found = mounts.filter(({ majorMinor, source }) => numbers.has(majorMinor) || paths.has(source));
  return [...new Set(found.map(({ target }) => target))];
}
