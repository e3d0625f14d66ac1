import type { BlockDevice } from './disks.ts';

/** Gives the kernel names of all devices that stand on one of `bases`, as standingOn does; for many questions. */
export function stackOf(devices: readonly BlockDevice[]): (bases: readonly Named[]) => ReadonlySet<string> {
  const above = new Map<string, string[]>();
  const add = (base: string, name: string): void => {
    const names = above.get(base);
    if (names) names.push(name);
    else above.set(base, [name]);
  };
  for (const { name, holders, disk } of devices) {
    for (const holder of holders) add(name, holder);
    if (disk !== undefined) add(disk, name);
  }
  return (bases) => {
    const found = new Set<string>();
    const todo = bases.map(({ name }) => name);
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      todo.push(...(above.get(next) ?? []));
    }
    return found;
  };
}

type Named = Pick<BlockDevice, 'name'>;

/**
 * Kernel names of all devices that stand on one of `bases`, at any depth, these included: partitions, device-mapper,
 * md, loop devices. One that stands on several stands on each of them.
 */
export const standingOn = (bases: readonly Named[], devices: readonly BlockDevice[]): ReadonlySet<string> =>
  stackOf(devices)(bases);
