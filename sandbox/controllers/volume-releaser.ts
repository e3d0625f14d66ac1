import { CLAIMS, VOLUMES } from '../../src/kube/resource.ts';
import type { PersistentVolume } from '../../src/model/objects.ts';
import type { Deps } from './deps.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf } from './store.ts';
import { find } from '../../src/kube/find.ts';

/** Stands in for the half of the volume controller that marks volumes without a claim as Released. Keys are volumes. */
export function createVolumeReleaser(deps: Deps): StandIn {
  const { claims, volumes } = deps.stores;
  return {
    name: 'volume-releaser',
    wakes: [
      onChange(volumes, (volume) => [keyOf(volume)]),
      onChange(claims, (claim, gone) => (gone ? volumesFor(claim.metadata.uid, volumes.list()) : [])),
    ],
    reconcile: async (key, signal) => {
      const volume = volumes.get(key);
      if (!volume || volume.status?.phase === 'Released' || volume.metadata.deletionTimestamp !== undefined) return;
      if (await hasClaim(volume, deps, signal)) return;
      const patch = { type: 'merge', body: { status: { phase: 'Released' } } } as const;
      await deps.client.patch(VOLUMES, { name: key }, patch, signal, 'status');
    },
  };
}

const volumesFor = (claimUid: string | undefined, volumes: readonly PersistentVolume[]): string[] =>
  volumes.filter(({ spec }) => spec?.claimRef?.uid === claimUid).map(keyOf);

/** Asks the API server itself: a volume must not be deleted because a store lags behind. */
async function hasClaim({ spec }: PersistentVolume, { client, stores }: Deps, signal: AbortSignal): Promise<boolean> {
  const { namespace = '', name = '', uid } = spec?.claimRef ?? {};
  if (uid === undefined || stores.claims.get(`${namespace}/${name}`)?.metadata.uid === uid) return true;
  return (await find(client, CLAIMS, { namespace, name }, signal))?.metadata.uid === uid;
}
