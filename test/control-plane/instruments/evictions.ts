import type { Pod } from '../../../src/model/objects.ts';
import type { Store } from '../../../sandbox/controllers/store.ts';

export interface Evictions extends Disposable {
  /** What was seen so far, in words. */
  seen(): readonly string[];
}

/**
 * Watches for pods that are evicted, or for which others are to be (status.nominatedNodeName), until disposed of.
 * kube-scheduler evicts after it has told that a pod fits nowhere, so a look at one moment can be too early.
 */
export function watchEvictions(pods: Pick<Store<Pod>, 'subscribe'>): Evictions {
  const seen = new Set<string>();
  const unsubscribe = pods.subscribe(({ metadata: { name = '', deletionTimestamp }, status }, gone) => {
    if (gone || deletionTimestamp !== undefined) seen.add(`${name} was deleted`);
    if (status?.nominatedNodeName) seen.add(`${name} was promised room on ${status.nominatedNodeName} by eviction`);
  });
  return { seen: () => [...seen], [Symbol.dispose]: unsubscribe };
}
