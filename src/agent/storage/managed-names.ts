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

/**
 * Applies spec.listConfig to the names that are there. A list with a pattern that cannot be read changes nothing: what
 * was managed before and is still there stays so, and a sentence tells.
 */
export function managedNames(
  found: Managed,
  config: ListConfig,
  previous: { readonly [K in keyof Managed]?: readonly string[] },
): { readonly managed: Managed; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const pick = (key: keyof Managed, field: string, filter: NameFilter): readonly string[] => {
    const names = found[key].toSorted(compareText);
    try {
      return names.filter(parseNameFilter(filter));
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
  return { managed, problems };
}
