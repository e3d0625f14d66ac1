import type { Informer } from '../../kube/follow/informer.ts';
import type { PersistentVolume } from '../../model/objects.ts';
import type { PvView } from './views.ts';

/**
 * Returns a function that finds the PersistentVolumes, of any driver, that have a volume handle. Nearly all have their
 * handle for a name: the others alone are remembered, so that a hundred thousand of them cost nothing.
 */
export function createPvsByHandle(
  pvs: Pick<Informer<PersistentVolume, PvView>, 'get' | 'subscribe'>,
): (handle: string) => readonly PvView[] {
  const others = new Map<string, Set<string>>();
  const forget = ({ facts: { name, handle } }: PvView): void => {
    const names = others.get(handle);
    if (names?.delete(name) && names.size === 0) others.delete(handle);
  };
  pvs.subscribe({
    changed: (now, before) => {
      const { name, handle } = now.facts;
      if (before && before.facts.handle !== handle) forget(before);
      if (handle !== '' && handle !== name) others.set(handle, (others.get(handle) ?? new Set()).add(name));
    },
    deleted: forget,
  });
  return (handle) =>
    [handle, ...(others.get(handle) ?? [])].flatMap((name) => {
      const pv = pvs.get(name);
      return pv?.facts.handle === handle ? [pv] : [];
    });
}
