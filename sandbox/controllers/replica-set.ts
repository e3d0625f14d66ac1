import { isDeepStrictEqual } from 'node:util';
import { PODS } from '../../src/kube/resource.ts';
import type { Pod } from '../../src/model/objects.ts';
import type { Deps } from './deps.ts';
import { REPLICA_SETS, type ReplicaSet } from './kinds.ts';
import { adopt, deletePods, isActive, isReady, ownedBy, ownersOf, podOfTemplate } from './owned.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';

/**
 * Stands in for the ReplicaSet controller and for garbage collection of its pods. A pod that it has made counts
 * although the store does not show it yet, so that none is made twice. Keys are ReplicaSets.
 */
export function createReplicaSets(deps: Deps): StandIn {
  const { pods, replicaSets } = deps.stores;
  /** Uids of pods that were made and have not been seen, by the uid of their set. */
  const expected = new Map<string, Set<string>>();
  return {
    name: 'replicaset',
    wakes: [onChange(replicaSets, (set) => [keyOf(set)]), onChange(pods, ownersOf('ReplicaSet'))],
    reconcile: async (key, signal) => {
      const set = replicaSets.get(key);
      const uid = set?.metadata.uid;
      const { own, orphaned } = ownedBy({ kind: 'ReplicaSet', key, uid }, pods.list());
      await deletePods(orphaned, deps, signal);
      if (!set || uid === undefined || set.metadata.deletionTimestamp !== undefined) return;
      const adopter = { resource: REPLICA_SETS, owner: set, selector: set.spec?.selector };
      if ((await adopt(adopter, { all: pods.list(), of: PODS }, deps, signal)) > 0) return;
      const unseen = expected.get(uid) ?? new Set();
      expected.set(uid, unseen);
      for (const { metadata } of own) unseen.delete(metadata.uid ?? '');
      await scale(set, { own: own.filter(isActive), unseen }, deps, signal);
      await reportStatus(set, own.filter(isActive), deps, signal);
    },
  };
}

async function scale(
  set: ReplicaSet,
  { own, unseen }: { readonly own: readonly Pod[]; readonly unseen: Set<string> },
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const wanted = set.spec?.replicas ?? 1;
  for (let count = own.length + unseen.size; count < wanted; count += 1) {
    const made = await deps.client.create(PODS, podOfTemplate(REPLICA_SETS, set, set.spec?.template), signal);
    unseen.add(made.metadata.uid ?? '');
  }
  // Pods that do not serve go first, as with the real controller.
  const surplus = own.toSorted((a, b) => Number(isReady(a)) - Number(isReady(b))).slice(0, own.length - wanted);
  if (own.length > wanted) await deletePods(surplus, deps, signal);
}

async function reportStatus(
  set: ReplicaSet,
  own: readonly Pod[],
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const ready = own.filter(isReady).length;
  const status = {
    replicas: own.length,
    fullyLabeledReplicas: own.length,
    readyReplicas: ready,
    availableReplicas: ready,
    observedGeneration: set.metadata.generation,
  };
  if (isDeepStrictEqual({ ...set.status, ...status }, set.status)) return;
  await client.patch(REPLICA_SETS, splitKey(keyOf(set)), { type: 'merge', body: { status } }, signal, 'status');
}
