import { seekUsers } from '../model/seek-users.ts';
import type { BlockDevice } from './disks.ts';
import { standingOn } from './stack.ts';

/** Kernel names of what stands on a device, partitions aside, what stands on it at last first. */
export const holdersOf = (device: BlockDevice, devices: readonly BlockDevice[]): readonly string[] => {
  const partitions = new Set(devices.filter(({ disk }) => disk !== undefined).map(({ name }) => name));
  return [...standingOn([device], devices)]
    .filter((name) => name !== device.name && !partitions.has(name))
    .toReversed();
};

/**
 * How a person ends what stands on a device whose volume is to be removed: a sentence. A pod may have made it on its
 * device, and the node's own lvm or mdadm started it; or the kubelet left a loop device behind. No command here writes
 * to the device.
 */
export function releaseAdvice(holders: readonly string[]): string {
  const commands = holders.flatMap((name) => END.find(([pattern]) => pattern.test(name))?.[1](name) ?? []);
  const how = commands.length === 0 ? 'See what it is, and end it.' : `To end that: ${commands.join('; ')}`;
  return `${holders.join(', ')} ${holders.length === 1 ? 'stands' : 'stand'} on it. ${how}`;
}

/**
 * How a person finds who has a device that is in use though nothing stands on it: a sentence. Containers that outlive a
 * pod keep its mounts in mount namespaces of their own. What the kernel itself has no program has open, and a
 * filesystem on several devices is mounted by the name of one of them.
 */
export function seekAdvice({ path, majorMinor, swap }: Pick<BlockDevice, 'path' | 'majorMinor' | 'swap'>): string {
  if (swap) return `It is in use as swap. To end that: swapoff ${path}`;
  return `Nothing stands on it: ${seekUsers(path, majorMinor)}. If none has: cat /proc/swaps, btrfs filesystem show, zpool status -L and targetcli ls tell what the kernel may have it for.`;
}

const END: readonly (readonly [RegExp, (name: string) => string])[] = [
  [/^loop\d/, (name) => `losetup --detach /dev/${name}`],
  [/^md/, (name) => `mdadm --stop /dev/${name}`],
  [/^dm-\d/, (name) => `dmsetup remove /dev/${name}`],
];
