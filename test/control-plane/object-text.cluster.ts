import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import {
  CLAIMS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  VOLUMES,
  type Resource,
} from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import { UNREAD_OF_BUILT_IN, UNREAD_OF_CUSTOM, UNREAD_OF_PODS } from '../../src/operator/follow/unread-parts.ts';
import { type Cluster, startCluster } from './cluster/cluster.ts';
import { applyFolder } from './system/deployed.ts';

const signal = AbortSignal.timeout(120_000);
let cluster: Cluster;
let client: KubeClient;
beforeAll(async () => {
  cluster = await startCluster({ flags: { 'kube-apiserver': ['--disable-admission-plugins=ServiceAccount'] } });
  client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'test' });
  await applyFolder(cluster, 'crds');
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
});

const namespace = 'default';
const named = (more: object) => ({
  metadata: { name: 'one', labels: { a: 'b' }, finalizers: ['example.org/x'] },
  ...more,
});
const inNamespace = (spec: object) => ({ metadata: { ...named({}).metadata, namespace }, spec });
const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }];
const pod = inNamespace({
  containers: [{ name: 'main', image: 'x', args: ['"containers":['], resizePolicy }],
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'one' } }],
});
const podStatus = {
  phase: 'Running',
  qosClass: 'BestEffort',
  containerStatuses: [{ name: 'main', image: 'x', imageID: 'y', ready: true, restartCount: 0 }],
};
const claim = inNamespace({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } });
const pv = named({ spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } } });
const volume = named({ spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 4096, role: 'Volume' } });

/** Objects of the kinds that informers follow, with the parts that the operator leaves unread. */
const KINDS = [
  [PODS, pod, UNREAD_OF_PODS, ['metadata.managedFields', 'spec.containers', 'status.containerStatuses']],
  [NODES, named({ spec: { podCIDR: '10.0.0.0/24' } }), UNREAD_OF_BUILT_IN, ['metadata.managedFields']],
  [CLAIMS, claim, UNREAD_OF_BUILT_IN, ['metadata.managedFields']],
  [VOLUMES, pv, UNREAD_OF_BUILT_IN, ['metadata.managedFields']],
  [LOCAL_VOLUMES, volume, UNREAD_OF_CUSTOM, ['metadata.managedFields']],
  [NODE_LOCAL_STORAGES, named({ spec: { nodeName: 'one' } }), UNREAD_OF_CUSTOM, ['metadata.managedFields']],
] as const;

test.each(KINDS.map((row) => [row[0].kind, ...row] as const))(
  'a %s is written so that what nobody reads of it is found, and nothing else is left out',
  async (_, resource: Resource, object, unread, parts) => {
    const created = await client.create(resource, object, signal);
    const key = { name: 'one', namespace: created.metadata.namespace };
    if (resource.kind === 'Pod')
      await client.patch(resource, key, { type: 'merge', body: { status: podStatus } }, signal, 'status');
    const { items, resourceVersion } = await client.list(resource, {}, signal);
    const whole = items.find(({ metadata }) => metadata.name === 'one');
    const page = await client.listLazily(resource, { unread }, signal);
    const listed = [...page.items].find(({ metadata }) => metadata.name === 'one');
    const expected = structuredClone(whole);
    for (const part of parts) empty(expected, part);
    expect(listed).toEqual(expected);
    for (const part of parts) expect(valueAt(whole, part)).not.toEqual([]);

    const change = { type: 'merge', body: { metadata: { labels: { a: 'c' } } } } as const;
    const [, watched] = await Promise.all([
      client.patch(resource, key, change, signal),
      firstOf(client.watch(resource, { resourceVersion, unread }, signal)),
    ]);
    expect(watched).toMatchObject({ object: { metadata: { name: 'one', labels: { a: 'c' } } } });
    for (const part of parts) expect(valueAt(watched, `object.${part}`)).toEqual([]);
  },
);

async function firstOf<T>(events: AsyncIterable<T>): Promise<T> {
  for await (const event of events) return event;
  throw new Error('the watch ended');
}

const valueAt = (object: unknown, at: string): unknown =>
  at.split('.').reduce((value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name], object);

function empty(object: unknown, at: string): void {
  const names = at.split('.');
  const inside = valueAt(object, names.slice(0, -1).join('.')) as Record<string, unknown>;
  inside[names.at(-1) ?? ''] = [];
}
