import type { LocalVolume } from '../../../src/model/local-volume.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../src/model/objects.ts';
import type { Stores } from '../../../sandbox/controllers/deps.ts';
import type { PodWish } from './workload.ts';

type Objects = Readonly<{
  claims: readonly PersistentVolumeClaim[];
  volumes: readonly PersistentVolume[];
  localVolumes: readonly LocalVolume[];
}>;

/** Finds the claims of these pods that have no volume, with the reason. Throws when the pods have no claim at all. */
export function lostOf(pods: readonly PodWish[], { claims, volumes, localVolumes }: Objects): string[] {
  const names = pods.flatMap(({ name, sizes }) => sizes.map((_, i) => `${name}-${i}`));
  if (names.length === 0) throw new Error('these pods have no claims: nothing can be said about their volumes');
  return names.flatMap((name) => {
    const claim = claims.find(({ metadata }) => metadata.name === name);
    if (!claim) return [`claim ${name} is gone`];
    if (claim.status?.phase !== 'Bound') return [`claim ${name} is not bound`];
    const volume = volumes.find(({ metadata }) => metadata.name === claim.spec?.volumeName);
    if (volume?.status?.phase !== 'Bound') return [`the volume of claim ${name} is gone or not bound`];
    const local = localVolumes.find(({ metadata }) => metadata.name === volume.spec?.csi?.volumeHandle);
    return local ? [] : [`claim ${name} has no LocalVolume`];
  });
}

/** The same for what the API server has now. */
export const lost = (pods: readonly PodWish[], stores: Stores): string[] =>
  lostOf(pods, {
    claims: stores.claims.list(),
    volumes: stores.volumes.list(),
    localVolumes: stores.localVolumes.list(),
  });
