import { present } from '../../src/model/present.ts';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Deps } from './deps.ts';
import { DEPLOYMENTS, REPLICA_SETS, type Deployment, type ReplicaSet } from './kinds.ts';
import { adopt, controllerRef, deleteAll, ownedBy, ownersOf, unlessThere } from './owned.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';

const HASH_LABEL = 'pod-template-hash';

/**
 * Stands in for the Deployment controller and for garbage collection of its ReplicaSets: one ReplicaSet for each
 * template. A new template starts whole and the old pods leave once it serves; with `Recreate` they leave before it
 * starts. Surges, revisions and roll-backs are left out. Keys are Deployments.
 */
export function createDeployments(deps: Deps): StandIn {
  const { deployments, replicaSets } = deps.stores;
  return {
    name: 'deployment',
    wakes: [onChange(deployments, (each) => [keyOf(each)]), onChange(replicaSets, ownersOf('Deployment'))],
    reconcile: async (key, signal) => {
      const deployment = deployments.get(key);
      const owner = { kind: 'Deployment', key, uid: deployment?.metadata.uid };
      const { own, orphaned } = ownedBy(owner, replicaSets.list());
      await deleteAll(REPLICA_SETS, orphaned, deps, signal);
      if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return;
      const adopter = { resource: DEPLOYMENTS, owner: deployment, selector: deployment.spec?.selector };
      if ((await adopt(adopter, { all: replicaSets.list(), of: REPLICA_SETS }, deps, signal)) > 0) return;
      await rollOut(deployment, own, deps, signal);
      await reportStatus(deployment, own, deps, signal);
    },
  };
}

async function rollOut(
  deployment: Deployment,
  own: readonly ReplicaSet[],
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const wanted = deployment.spec?.replicas ?? 1;
  const current = own.find((set) => isCurrent(set, deployment));
  const old = own.filter((set) => set !== current);
  const recreate = deployment.spec?.strategy?.type === 'Recreate';
  if (!current) {
    if (recreate) await scaleAll(old, 0, deps, signal);
    if (!recreate || old.every(({ status }) => (status?.replicas ?? 0) === 0))
      await unlessThere(deps.client.create(REPLICA_SETS, replicaSetOf(deployment), signal));
    return;
  }
  await scaleAll([current], wanted, deps, signal);
  if ((current.status?.readyReplicas ?? 0) >= wanted) await scaleAll(old, 0, deps, signal);
}

async function scaleAll(
  sets: readonly ReplicaSet[],
  replicas: number,
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  for (const set of sets.filter(({ spec }) => spec?.replicas !== replicas))
    await client.patch(REPLICA_SETS, splitKey(keyOf(set)), { type: 'merge', body: { spec: { replicas } } }, signal);
}

const hashOf = ({ spec }: Deployment): string =>
  createHash('sha256')
    .update(JSON.stringify(spec?.template ?? {}))
    .digest('hex')
    .slice(0, 10);

const nameFor = (deployment: Deployment): string => `${deployment.metadata.name ?? ''}-${hashOf(deployment)}`;

const isCurrent = ({ metadata }: ReplicaSet, deployment: Deployment): boolean => metadata.name === nameFor(deployment);

function replicaSetOf(deployment: Deployment): ReplicaSet {
  const { namespace } = deployment.metadata;
  const { replicas = 1, selector, template } = deployment.spec ?? {};
  const labels = { ...template?.metadata?.labels, [HASH_LABEL]: hashOf(deployment) };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: nameFor(deployment),
      ...present({ namespace }),
      labels,
      ownerReferences: controllerRef(DEPLOYMENTS, deployment),
    },
    spec: {
      replicas,
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [HASH_LABEL]: hashOf(deployment) } },
      template: { ...template, metadata: { ...template?.metadata, labels } },
    },
  };
}

async function reportStatus(
  deployment: Deployment,
  own: readonly ReplicaSet[],
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const sum = (sets: readonly ReplicaSet[], field: 'replicas' | 'readyReplicas'): number =>
    sets.reduce((total, { status }) => total + (status?.[field] ?? 0), 0);
  const wanted = deployment.spec?.replicas ?? 1;
  const ready = sum(own, 'readyReplicas');
  const available = ready >= wanted;
  const status = {
    observedGeneration: deployment.metadata.generation,
    replicas: sum(own, 'replicas'),
    updatedReplicas: sum(
      own.filter((set) => isCurrent(set, deployment)),
      'replicas',
    ),
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, wanted - ready),
    conditions: [
      {
        type: 'Available',
        status: available ? 'True' : 'False',
        reason: available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
        message: `Deployment ${available ? 'has' : 'does not have'} minimum availability.`,
      },
    ],
  };
  if (isDeepStrictEqual({ ...deployment.status, ...status }, deployment.status)) return;
  await client.patch(DEPLOYMENTS, splitKey(keyOf(deployment)), { type: 'merge', body: { status } }, signal, 'status');
}
