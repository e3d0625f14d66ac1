import type { Informer } from '../../kube/follow/informer.ts';
import { NamesByHandle } from '../../model/names-by-handle.ts';
import type { PersistentVolume } from '../../model/objects.ts';
import type { PvView } from './views.ts';

/** Returns a function that finds the PersistentVolumes, of any driver, that have a volume handle. */
export function createPvsByHandle(
  pvs: Pick<Informer<PersistentVolume, PvView>, 'get' | 'subscribe'>,
): (handle: string) => readonly PvView[] {
  const names = new NamesByHandle();
  const forget = ({ facts: { name, handle } }: PvView): void => names.delete(name, handle);
  pvs.subscribe({
    changed: ({ facts: { name, handle } }, before) => {
      if (before) forget(before);
      names.add(name, handle);
    },
    deleted: forget,
  });
  return (handle) =>
    names.of(handle).flatMap((name) => {
      const pv = pvs.get(name);
      return pv?.facts.handle === handle ? [pv] : [];
    });
}
