import type { BlockDevice } from '../../disk/disks.ts';
import { textOf } from '../../model/fault.ts';
import { parseNameFilter } from '../../model/name-pattern.ts';
import type { ListConfig, NameFilter } from '../../model/objects.ts';
import { compareText } from './conditions.ts';

/** The names of what the scheduler may use, sorted. */
export interface Managed {
  readonly volumeGroups: readonly string[];
  readonly mountPoints: readonly string[];
  readonly devices: readonly string[];
}

export interface ManagedNames {
  readonly managed: Managed;
  /** Sentences about patterns that cannot be read. */
  readonly problems: readonly string[];
  /** Sentences about patterns that hold for nothing on this node. */
  readonly unused: readonly string[];
}

/** Other names of devices, by their path. */
export type LinksTo = ReadonlyMap<string, readonly string[]>;

export const linksTo = (devices: readonly Pick<BlockDevice, 'path' | 'links'>[]): LinksTo =>
  new Map(devices.map(({ path, links = [] }) => [path, links]));

/**
 * Applies spec.listConfig to the names that are there. A list with a pattern that cannot be read changes nothing: what
 * was managed before and is still there stays so, and a sentence tells.
 */
export function managedNames(
  found: Managed,
  config: ListConfig,
  previous: { readonly [K in keyof Managed]?: readonly string[] },
  linksTo: LinksTo = new Map(),
): ManagedNames {
  const problems: string[] = [];
  const unused: string[] = [];
  const pick = (key: keyof Managed, field: string, filter: NameFilter): readonly string[] => {
    const names = found[key].toSorted(compareText);
    try {
      const parsed = parseNameFilter(filter);
      const all = names.flatMap((name) => [name, ...(linksTo.get(name) ?? [])]);
      unused.push(
        ...parsed.unused(all).map((pattern) => `spec.listConfig.${field}: "${pattern}" matches nothing here.`),
      );
      return names.filter((name) => parsed.holds(name, linksTo.get(name)));
    } catch (error) {
      problems.push(`spec.listConfig.${field}: ${textOf(error)}; what was managed before stays so.`);
      return names.filter((name) => previous[key]?.includes(name));
    }
  };
  const managed = {
    volumeGroups: pick('volumeGroups', 'vgs', config.vgs ?? {}),
    mountPoints: pick('mountPoints', 'mountPoints', config.mountPoints ?? {}),
    devices: pick('devices', 'devices', config.devices ?? {}),
  };
  return { managed, problems, unused };
}
