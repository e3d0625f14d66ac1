import { minus } from './bytes.ts';
import type { GroupFacts, NodeStorage } from './facts.ts';
import type { NodeLocalStorage } from './objects.ts';
import { STORAGE_CORDONED } from './well-known.ts';

/** Stands for all storage of a node. */
export const EVERYTHING = '*';

/** What of a node's storage gets no new volume: names of groups, paths of disks and mount points, or EVERYTHING. */
export function cordonOf({ metadata }: Pick<NodeLocalStorage, 'metadata'>): ReadonlySet<string> {
  const value = metadata.annotations?.[STORAGE_CORDONED];
  return value === undefined ? NOTHING : new Set(value.split(/[\s,]+/).filter((name) => name !== ''));
}

const NOTHING: ReadonlySet<string> = new Set();

/** All that can be cordoned by its name: what the node reports. */
export function placesOf({ status }: Pick<NodeLocalStorage, 'status'>): readonly string[] {
  const { volumeGroups = [], deviceInfo = [], mountPoints = [] } = status?.nodeStorageInfo ?? {};
  return [...volumeGroups, ...deviceInfo, ...mountPoints].map(({ name }) => name);
}

export const isCordoned = (cordon: ReadonlySet<string>, name: string): boolean =>
  cordon.has(EVERYTHING) || cordon.has(name);

/** What is cordoned, for a node's notes; none where nothing is. */
export const cordonNotes = (cordon: ReadonlySet<string> = NOTHING): readonly string[] =>
  cordon.size === 0 ? [] : [`cordoned: ${cordon.has(EVERYTHING) ? 'all' : [...cordon].join(' ')}`];

/** The group with all of its room kept back from new volumes, but not from those that it has. */
export const closedGroup = (group: GroupFacts): GroupFacts =>
  group.forGrowth === undefined
    ? { ...group, reserved: group.total, forGrowth: minus(group.total, group.reserved) }
    : group;

/** The storage with nothing for new volumes; those that it has stay, and may grow. */
export const closedStorage = ({ name, groups, units }: NodeStorage): NodeStorage => ({
  name,
  groups: groups.map(closedGroup),
  units: units.map((unit) => ({ ...unit, usable: false })),
});

/** The annotation's value; null, which takes it away in a merge patch, where nothing is left. */
export const cordonValue = (names: Iterable<string>): string | null => [...names].toSorted().join(',') || null;
