import { isNotFound } from '../../../src/kube/errors.ts';
import { CLAIMS, PODS, type Resource } from '../../../src/kube/resource.ts';
import type { PersistentVolumeClaim, Pod } from '../../../src/model/objects.ts';
import { forEachOf } from '../../../sandbox/cluster/in-turn.ts';
import { STATEFUL_SETS, type StatefulSet } from '../../../sandbox/controllers/kinds.ts';
import type { System } from '../system/system.ts';
import { until } from '../cluster/until.ts';

const never = new AbortController().signal;
const AT_ONCE = 20;
export const CLASS = 'open-local-lvm';

export const claimSpec = (storage: string, storageClassName = CLASS): NonNullable<PersistentVolumeClaim['spec']> => ({
  accessModes: ['ReadWriteOnce'],
  storageClassName,
  resources: { requests: { storage } },
});

/** A pod with a claim for each size, and none when there are none. */
export interface PodWish {
  readonly name: string;
  readonly sizes: readonly string[];
  /** More of the pod's spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly storageClass?: string;
}

/** Creates pods and their claims, many at once. */
export async function createPods({ client }: Pick<System, 'client'>, pods: readonly PodWish[]): Promise<void> {
  await forEachOf(pods, AT_ONCE, async ({ name, sizes, spec = {}, storageClass }) => {
    const volumes = sizes.map((_, i) => ({
      name: `data-${i}`,
      persistentVolumeClaim: { claimName: `${name}-${i}` },
    }));
    for (const [i, size] of sizes.entries())
      await client.create(
        CLAIMS,
        { metadata: { namespace: 'default', name: `${name}-${i}` }, spec: claimSpec(size, storageClass) },
        never,
      );
    const pod = {
      metadata: { namespace: 'default', name },
      spec: { containers: [{ name: 'main', image: 'none' }], volumes, ...spec },
    } as Pod;
    await client.create(PODS, pod, never);
  });
}

/** Deletes the pods and then their claims, and waits until nothing of them is left. */
export async function deletePods(system: System, pods: readonly PodWish[]): Promise<void> {
  const { client, stores } = system;
  const remove = async (resource: Resource, name: string): Promise<void> => {
    await client.delete(resource, { namespace: 'default', name }, never).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  };
  await forEachOf(pods, AT_ONCE, ({ name }) => remove(PODS, name));
  const claims = new Set(pods.flatMap(({ name, sizes }) => sizes.map((_, i) => `${name}-${i}`)));
  await forEachOf([...claims], AT_ONCE, (name) => remove(CLAIMS, name));
  const left = (): string[] =>
    stores.localVolumes
      .list()
      .flatMap(({ spec }) => (claims.has(spec.claim?.name ?? '') ? [spec.claim?.name ?? ''] : []));
  await until(
    'no volume of the deleted pods is left',
    [stores.localVolumes],
    120_000,
    () => left().length === 0,
    () => left().slice(0, 10),
  );
}

/** Waits until all of these pods run, and tells those that do not. */
export function untilRunning({ stores }: System, names: readonly string[], withinMs: number): Promise<true> {
  const waiting = (): string[] =>
    names.filter((name) => stores.pods.get(`default/${name}`)?.status?.phase !== 'Running');
  return until(
    `${names.length} pods run`,
    [stores.pods],
    withinMs,
    () => waiting().length === 0,
    () => ({ count: waiting().length, some: waiting().slice(0, 10) }),
  );
}

export interface StatefulSetWish {
  readonly name: string;
  readonly replicas: number;
  readonly size: string;
  /** One pod after another, each once the one before is Ready; otherwise all at once. */
  readonly inOrder?: boolean;
}

/** A StatefulSet whose pods have a claim each. */
export async function createStatefulSet(
  { client }: System,
  { name, replicas, size, inOrder = false }: StatefulSetWish,
): Promise<void> {
  const labels = { app: name };
  const set: StatefulSet = {
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      serviceName: name,
      podManagementPolicy: inOrder ? 'OrderedReady' : 'Parallel',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: 'main', image: 'none', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        },
      },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec(size) }],
    },
  };
  await client.create(STATEFUL_SETS, set, never);
}
