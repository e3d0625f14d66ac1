import { isAlreadyExists } from '../../src/kube/errors.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import type { PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { admitted } from './claim-binder.ts';
import type { Deps } from './deps.ts';
import { STATEFUL_SETS, type StatefulSet } from './kinds.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';
import { unlessGone } from '../../src/kube/find.ts';

/**
 * Stands in for the StatefulSet controller and for garbage collection of its pods: makes pods with stable names one
 * after another, each with claims that outlive it, and deletes surplus pods from the highest number down. Keys are
 * StatefulSets.
 */
export function createStatefulSets(deps: Deps): StandIn {
  const { pods, statefulSets } = deps.stores;
  return {
    name: 'statefulset',
    wakes: [
      onChange(statefulSets, (set) => [keyOf(set)]),
      onChange(pods, ({ metadata }) => {
        const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'StatefulSet');
        return owner ? [`${metadata.namespace ?? ''}/${owner.name}`] : [];
      }),
    ],
    reconcile: async (key, signal) => {
      const set = statefulSets.get(key);
      const own = podsOf(key, set?.metadata.uid, pods.list());
      await deleteAll(own.orphaned, deps, signal);
      if (!set || set.metadata.deletionTimestamp !== undefined) return;
      await scale(set, own.pods, deps, signal);
      await reportStatus(set, own.pods, deps, signal);
    },
  };
}

/** Lists the set's pods, and those of a deleted set of the same name. */
function podsOf(key: string, uid: string | undefined, all: readonly Pod[]): { pods: Pod[]; orphaned: Pod[] } {
  const { name, namespace } = splitKey(key);
  const owned = (pod: Pod) =>
    pod.metadata.ownerReferences?.find((ref) => ref.kind === 'StatefulSet' && ref.name === name);
  const candidates = all.filter((pod) => pod.metadata.namespace === namespace && owned(pod) !== undefined);
  return {
    pods: candidates.filter((pod) => owned(pod)?.uid === uid),
    orphaned: candidates.filter((pod) => owned(pod)?.uid !== uid && pod.metadata.deletionTimestamp === undefined),
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
  await deleteAll(inOrder ? surplus.slice(0, 1) : surplus, deps, signal);
}

async function createReplica(set: StatefulSet, ordinal: number, { client }: Deps, signal: AbortSignal): Promise<void> {
  for (const template of set.spec?.volumeClaimTemplates ?? [])
    await unlessThere(client.create(CLAIMS, admitted(claimOf(set, template, ordinal)), signal));
  await unlessThere(client.create(PODS, podOf(set, ordinal), signal));
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
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
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template.metadata.labels, ...set.spec?.selector?.matchLabels },
    },
    spec: { volumeMode: 'Filesystem', ...template.spec },
  };
}

/** Makes the pod of one replica, with the volumes of its claims. */
export function podOf(set: StatefulSet, ordinal: number): Pod {
  const { template, volumeClaimTemplates = [] } = set.spec ?? {};
  const { namespace, uid = '', name: owner = '' } = set.metadata;
  const name = nameOf(set, ordinal);
  const claims = volumeClaimTemplates.map(({ metadata: { name: volume = '' } }) => ({
    name: volume,
    persistentVolumeClaim: { claimName: `${volume}-${name}` },
  }));
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'StatefulSet', name: owner, uid, controller: true, blockOwnerDeletion: true },
  ];
  const labels = {
    ...template?.metadata?.labels,
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels, ownerReferences },
    spec: { ...template?.spec, volumes: [...(template?.spec?.volumes ?? []), ...claims] },
  };
}

const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.phase === 'Running' &&
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

async function deleteAll(pods: readonly Pod[], { client }: Deps, signal: AbortSignal): Promise<void> {
  for (const pod of pods) {
    const { uid } = pod.metadata;
    const options = uid === undefined ? {} : { preconditions: { uid } };
    await unlessGone(client.delete(PODS, splitKey(keyOf(pod)), signal, options));
  }
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
