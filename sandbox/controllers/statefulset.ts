import { present } from '../../src/model/present.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import type { PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { admitted } from './claim-binder.ts';
import type { Deps } from './deps.ts';
import { STATEFUL_SETS, type StatefulSet } from './kinds.ts';
import { adopt, controllerRef, deletePods, isReady, ownedBy, ownersOf, unlessThere } from './owned.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';

/**
 * Stands in for the StatefulSet controller and for garbage collection of its pods: makes pods with stable names one
 * after another, each with claims that outlive it, and deletes surplus pods from the highest number down. Keys are
 * StatefulSets.
 */
export function createStatefulSets(deps: Deps): StandIn {
  const { pods, statefulSets } = deps.stores;
  return {
    name: 'statefulset',
    wakes: [onChange(statefulSets, (set) => [keyOf(set)]), onChange(pods, ownersOf('StatefulSet'))],
    reconcile: async (key, signal) => {
      const set = statefulSets.get(key);
      const { own, orphaned } = ownedBy({ kind: 'StatefulSet', key, uid: set?.metadata.uid }, pods.list());
      await deletePods(orphaned, deps, signal);
      if (!set || set.metadata.deletionTimestamp !== undefined) return;
      const adopter = { resource: STATEFUL_SETS, owner: set, selector: set.spec?.selector };
      if ((await adopt(adopter, { all: pods.list(), of: PODS }, deps, signal)) > 0) return;
      await scale(set, own, deps, signal);
      await reportStatus(set, own, deps, signal);
    },
  };
}

async function scale(set: StatefulSet, own: readonly Pod[], deps: Deps, signal: AbortSignal): Promise<void> {
  const wanted = set.spec?.replicas ?? 1;
  const inOrder = set.spec?.podManagementPolicy !== 'Parallel';
  for (let ordinal = 0; ordinal < wanted; ordinal += 1) {
    const pod = own.find(({ metadata }) => metadata.name === nameOf(set, ordinal));
    if (!pod) await createReplica(set, ordinal, deps, signal);
    if (inOrder && !(pod && isReady(pod))) return;
  }
  const surplus = own
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined && ordinalOf(metadata.name) >= wanted)
    .toSorted((a, b) => ordinalOf(b.metadata.name) - ordinalOf(a.metadata.name));
  await deletePods(inOrder ? surplus.slice(0, 1) : surplus, deps, signal);
}

async function createReplica(set: StatefulSet, ordinal: number, { client }: Deps, signal: AbortSignal): Promise<void> {
  for (const template of set.spec?.volumeClaimTemplates ?? [])
    await unlessThere(client.create(CLAIMS, admitted(claimOf(set, template, ordinal)), signal));
  await unlessThere(client.create(PODS, podOf(set, ordinal), signal));
}

const nameOf = ({ metadata }: StatefulSet, ordinal: number): string => `${metadata.name ?? ''}-${ordinal}`;
const ordinalOf = (name = ''): number => Number(name.slice(name.lastIndexOf('-') + 1));

/**
 * Makes the claim of one replica, without an owner: it outlives the set (persistentVolumeClaimRetentionPolicy Retain).
 */
export function claimOf(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): PersistentVolumeClaim {
  const { namespace } = set.metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${template.metadata.name ?? ''}-${nameOf(set, ordinal)}`,
      ...present({ namespace }),
      labels: { ...template.metadata.labels, ...set.spec?.selector?.matchLabels },
    },
    spec: { volumeMode: 'Filesystem', ...template.spec },
  };
}

/** Makes the pod of one replica, with the volumes of its claims. */
export function podOf(set: StatefulSet, ordinal: number): Pod {
  const { template, volumeClaimTemplates = [] } = set.spec ?? {};
  const { namespace } = set.metadata;
  const name = nameOf(set, ordinal);
  const claims = volumeClaimTemplates.map(({ metadata: { name: volume = '' } }) => ({
    name: volume,
    persistentVolumeClaim: { claimName: `${volume}-${name}` },
  }));
  const ownerReferences = controllerRef(STATEFUL_SETS, set);
  const labels = {
    ...template?.metadata?.labels,
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...present({ namespace }), labels, ownerReferences },
    spec: { ...template?.spec, volumes: [...(template?.spec?.volumes ?? []), ...claims] },
  };
}

async function reportStatus(
  set: StatefulSet,
  own: readonly Pod[],
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const status = { replicas: own.length, readyReplicas: own.filter(isReady).length };
  if (set.status?.replicas === status.replicas && set.status.readyReplicas === status.readyReplicas) return;
  await client.patch(STATEFUL_SETS, splitKey(keyOf(set)), { type: 'merge', body: { status } }, signal, 'status');
}
