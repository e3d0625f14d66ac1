import type { BlockDevice } from './disks.ts';

/**
 * Kernel names of all devices that stand on one of `bases`, at any depth, these included: partitions, device-mapper,
 * md, loop devices. One that stands on several stands on each of them.
 */
export function standingOn(
  bases: readonly Pick<BlockDevice, 'name'>[],
  devices: readonly BlockDevice[],
): ReadonlySet<string> {
  const above = new Map<string, string[]>();
  const add = (base: string, name: string): void => void above.set(base, [...(above.get(base) ?? []), name]);
  for (const { name, holders, disk } of devices) {
    for (const holder of holders) add(name, holder);
    if (disk !== undefined) add(disk, name);
  }
  const found = new Set<string>();
  const todo = bases.map(({ name }) => name);
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    todo.push(...(above.get(next) ?? []));
  }
  return found;
}
