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
 * Whether a disk or partition would be known again after a boot: it tells what it is, and no other disk tells the same.
 */
export function isKnowable(device: BlockDevice, devices: readonly BlockDevice[]): boolean {
  const identity = diskIdentity(device, devices);
  return identity !== undefined && devices.filter((other) => diskIdentity(other, devices) === identity).length === 1;
}
