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

/** The annotation's value; null, which takes it away in a merge patch, where nothing is left. */
export const cordonValue = (names: Iterable<string>): string | null => [...names].toSorted().join(',') || null;
