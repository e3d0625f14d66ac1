import type { LocalVolume } from '../../model/local-volume.ts';
import { sourceNeededBy } from '../../model/needed-data.ts';
import type { Informers } from '../follow/informers.ts';

/** Which volumes need the data of another one: kept as an index, since every DeleteVolume asks. */
export interface NeededData {
  /** Those that need the data of the volume or snapshot of this name, in the order of their names. */
  by(name: string): readonly LocalVolume[];
  /** Calls `listener` with the name of each volume that one fewer needs. Returns how to stop. */
  onLess(listener: (name: string) => void): () => void;
}

/** Follows the informer from now on. */
export function createNeededData(volumes: Pick<Informers['volumes'], 'get' | 'subscribe'>): NeededData {
  const needing = new Map<string, Set<string>>();
  const sources = new Map<string, string>();
  const listeners = new Set<(name: string) => void>();
  const set = (name: string, source: string | undefined): void => {
    const before = sources.get(name);
    if (before === source) return;
    if (source === undefined) sources.delete(name);
    else {
      sources.set(name, source);
      needing.set(source, (needing.get(source) ?? new Set()).add(name));
    }
    if (before === undefined) return;
    const those = needing.get(before);
    those?.delete(name);
    if (those?.size === 0) needing.delete(before);
    for (const listener of listeners) listener(before);
  };
  volumes.subscribe({
    changed: (volume) => set(volume.metadata.name ?? '', sourceNeededBy(volume)),
    deleted: ({ metadata }) => set(metadata.name ?? '', undefined),
  });
  return {
    by: (name) => [...(needing.get(name) ?? [])].toSorted().flatMap((one) => volumes.get(one) ?? []),
    onLess: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
