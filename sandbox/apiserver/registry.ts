import { idOf, type Kind } from './kind.ts';

/** The kinds that are served. */
export interface Registry {
  /** By the pieces of a URL. */
  find(group: string, version: string, plural: string): Kind | undefined;
  /** By what an object says of itself. */
  ofObject(object: { readonly apiVersion?: string; readonly kind?: string }): Kind | undefined;
  /** The kind whose objects are stored under `id` (kind.ts, idOf). */
  byId(id: string): Kind | undefined;
  kinds(): readonly Kind[];
  add(kind: Kind): void;
  remove(id: string): void;
}

export function createRegistry(kinds: readonly Kind[]): Registry {
  const byPath = new Map<string, Kind>();
  const registry: Registry = {
    find: (group, version, plural) => byPath.get(pathOf(group, version, plural)),
    ofObject({ apiVersion = '', kind }) {
      const [version = '', group = ''] = apiVersion.split('/').toReversed();
      return registry.kinds().find((one) => one.kind === kind && one.group === group && one.version === version);
    },
    byId: (id) => registry.kinds().find((one) => idOf(one) === id),
    kinds: () => [...byPath.values()],
    add: (kind) => byPath.set(pathOf(kind.group, kind.version, kind.plural), kind),
    remove(id) {
      for (const kind of registry.kinds()) {
        if (idOf(kind) === id) byPath.delete(pathOf(kind.group, kind.version, kind.plural));
      }
    },
  };
  for (const kind of kinds) registry.add(kind);
  return registry;
}

const pathOf = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`;
