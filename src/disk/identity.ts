import type { BlockDevice } from './disks.ts';

/**
 * What tells a disk or partition from all others whatever its name, which the kernel gives anew at each boot; undefined
 * when the disk tells nothing of itself. With the size, for makers who gave all their disks one name. A partition of a
 * disk that tells nothing is known by the disk's partition table, and an array by its members' superblocks.
 */
export function diskIdentity(device: BlockDevice, devices: readonly BlockDevice[]): string | undefined {
  const { worldwideName, serial, mapperUuid, contentUuid, size, name, disk } = device;
  if (disk !== undefined) {
    const whole = devices.find((candidate) => candidate.name === disk);
    const identity = whole && diskIdentity(whole, devices);
    if (identity !== undefined) return `${identity} part ${name.slice(disk.length)} ${size}`;
  }
  const known = worldwideName ?? serial ?? mapperUuid ?? contentUuid;
  return known === undefined ? undefined : `${known} ${size}`;
}

/**
 * Whether what a disk or partition tells now is what was recorded of it, but for a size that has grown: of itself, or
 * of the disk that a partition is on.
 */
export function isGrown(recorded: string, now: string): boolean {
  const [before, after] = [partsOf(recorded), partsOf(now)];
  if (recorded === now || before.name !== after.name || before.sizes.length !== after.sizes.length) return false;
  return before.sizes.every((size, at) => size <= (after.sizes[at] ?? 0));
}

/** Whether two identities differ, and not in the sizes that are in them. */
export function isCalledOtherwise(recorded: string, now: string): boolean {
  const [before, after] = [partsOf(recorded), partsOf(now)];
  return before.name !== after.name && before.sizes.join(' ') === after.sizes.join(' ');
}

/** The reverse of diskIdentity: what does not grow, and what may. */
function partsOf(identity: string): { readonly name: string; readonly sizes: readonly number[] } {
  const [, disk, size, part, partSize] = /^(.*) (\d+) part (\S*) (\d+)$/.exec(identity) ?? [];
  if (disk !== undefined) return { name: `${disk} part ${part}`, sizes: [Number(size), Number(partSize)] };
  const at = identity.lastIndexOf(' ');
  return { name: identity.slice(0, at), sizes: [Number(identity.slice(at + 1))] };
}

/**
 * Whether a disk or partition would be known again after a boot: it tells what it is, and no other disk tells the same.
 */
export function isKnowable(device: BlockDevice, devices: readonly BlockDevice[]): boolean {
  const identity = diskIdentity(device, devices);
  return identity !== undefined && devices.filter((other) => diskIdentity(other, devices) === identity).length === 1;
}
