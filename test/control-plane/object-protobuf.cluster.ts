import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import type { KubeClient, WatchEvent } from '../../src/kube/client.ts';
import { onlyRead } from '../../src/kube/protobuf/fake-encoder.ts';
import type { Message } from '../../src/kube/protobuf/schema.ts';
import { CLAIMS, NODES, PODS, STORAGE_CLASSES, VOLUMES, type Resource } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import { SCHEMAS } from '../../src/operator/follow/schemas.ts';
import { type Cluster, startCluster } from './cluster/cluster.ts';

const signal = AbortSignal.timeout(120_000);
let cluster: Cluster;
let client: KubeClient;
/** Of all answers since the last look. */
const types = new Set<string | undefined>();
beforeAll(async () => {
  const flags = [
    '--disable-admission-plugins=ServiceAccount',
    '--feature-gates=CrossNamespaceVolumeDataSource=true', // else the namespace of a source is dropped
    // Versions of classes are soon too old to watch from.
    ...['--watch-cache-sizes=storageclasses.storage.k8s.io#0', '--etcd-compaction-interval=1s'],
  ];
  cluster = await startCluster({ flags: { 'kube-apiserver': flags } });
  const access = await loadKubeconfig(cluster.admin, { run });
  client = createKubeClient(access, {
    userAgent: 'test',
    onAnswer: (headers) => void types.add(headers['content-type']),
  });
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
});

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const driver = 'example.org';
const named = { name: 'one', labels: { a: 'b', c: '' }, annotations: { note: 'ö' }, finalizers: ['example.org/x'] };
const inNamespace = { ...named, namespace: 'default' };
const matchExpressions = [{ key: 'disk', operator: 'In', values: ['fast', 'slow'] }];
const matchFields = [{ key: 'metadata.name', operator: 'In', values: ['one'] }];
const nodeSelectorTerms = [{ matchExpressions, matchFields }];
const resources = { requests: { storage: '1Gi' }, limits: { storage: '2048Mi' } };
const claimSpec = {
  accessModes: ['ReadWriteOnce'],
  resources,
  volumeMode: 'Block',
  storageClassName: 'one',
  selector: { matchLabels: { disk: 'fast' }, matchExpressions },
  dataSource: { kind: 'VolumeSnapshot', name: 'snap', apiGroup: 'snapshot.storage.k8s.io' },
  volumeAttributesClassName: 'quick',
};
/** A source in another namespace stands in dataSourceRef alone. */
const crossingSpec = {
  ...{ accessModes: claimSpec.accessModes, resources, storageClassName: 'one' },
  dataSourceRef: { ...claimSpec.dataSource, namespace: 'other' },
};
const templateSpec = { ...claimSpec, dataSourceRef: claimSpec.dataSource, volumeName: 'pv-1' };
const volumes = [
  { name: 'data', persistentVolumeClaim: { claimName: 'one', readOnly: true } },
  { name: 'scratch', csi: { driver, fsType: 'xfs', volumeAttributes: { size: '1Gi', empty: '' } } },
  { name: 'tmp', ephemeral: { volumeClaimTemplate: { metadata: { annotations: { x: 'y' } }, spec: templateSpec } } },
  { name: 'config', configMap: { name: 'x' } },
];
const pod = {
  metadata: inNamespace,
  spec: {
    containers: [{ name: 'main', image: 'x', volumeDevices: [{ name: 'data', devicePath: '/x' }] }],
    volumes,
    nodeSelector: { disk: 'fast' },
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    tolerations: [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoExecute', tolerationSeconds: 5 }],
  },
};
const bound = {
  metadata: { ...inNamespace, name: 'two' },
  spec: {
    ...{ containers: pod.spec.containers, nodeName: 'one' },
    volumes: [...volumes.slice(0, 1), { name: 'copy', ephemeral: { volumeClaimTemplate: { spec: crossingSpec } } }],
  },
};
const podStatus = {
  phase: 'Pending',
  nominatedNodeName: 'one',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no room' }],
};
const node = {
  metadata: named,
  spec: { unschedulable: true, taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }], podCIDR: '10.0.0.0/24' },
};
const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'two', uid: 'p2', controller: true }];
const claim = { metadata: { ...inNamespace, ownerReferences }, spec: { ...claimSpec, volumeName: 'pv-1' } };
const copyingClaim = { metadata: { ...inNamespace, name: 'two' }, spec: crossingSpec };
const pv = {
  metadata: named,
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce', 'ReadWriteMany'],
    csi: { driver, volumeHandle: 'h', fsType: 'ext4', volumeAttributes: { vgName: 'pool-0' } },
    claimRef: { namespace: 'default', name: 'other', uid: 'c1' },
    nodeAffinity: { required: { nodeSelectorTerms } },
    storageClassName: 'one',
    volumeMode: 'Filesystem',
    volumeAttributesClassName: 'quick',
  },
};
const storageClass = {
  metadata: named,
  provisioner: driver,
  parameters: { volumeType: 'LVM' },
  mountOptions: ['noatime', 'ro'],
  allowedTopologies: [{ matchLabelExpressions: [{ key: 'kubernetes.io/hostname', values: ['node-a'] }] }],
};

/** Objects of each kind that have every field of the schema among them, and the status that the first one gets. */
const KINDS: [Resource, Message<KubeObject>, readonly KubeObject[], status: object][] = [
  [PODS, SCHEMAS.pod, [pod, bound], podStatus],
  [NODES, SCHEMAS.node, [node], {}],
  [CLAIMS, SCHEMAS.claim, [claim, copyingClaim], { phase: 'Lost' }],
  [VOLUMES, SCHEMAS.pv, [pv], { phase: 'Available' }],
  [STORAGE_CLASSES, SCHEMAS.storageClass, [storageClass], {}],
];

test.each(KINDS.map((row) => [row[0].kind, ...row] as const))(
  'every field that is read of a %s is the same in protobuf as in JSON, listed and watched',
  async (_, resource, schema, objects, status) => {
    for (const object of objects) await client.create(resource, object, signal);
    const key = { name: 'one', namespace: objects[0]?.metadata.namespace };
    if ('phase' in status) await client.patch(resource, key, { type: 'merge', body: { status } }, signal, 'status');
    await client.delete(resource, key, signal, { gracePeriodSeconds: 0 });
    const { items, resourceVersion } = await client.list<KubeObject>(resource, {}, signal);
    expect(unseen(schema, items)).toEqual([]);

    types.clear();
    const listed: KubeObject[] = [];
    const tell = (each: KubeObject): void => void listed.push(each);
    const end = await client.listEach<KubeObject>(resource, { schema }, tell, signal);
    expect(listed).toEqual(items.map((item) => onlyRead(schema, item)));
    expect(Number(end.resourceVersion)).toBeGreaterThanOrEqual(Number(resourceVersion));

    const change = { type: 'merge', body: { metadata: { labels: { a: 'c' } } } } as const;
    const [changed, watched] = await Promise.all([
      client.patch<KubeObject>(resource, key, change, signal),
      firstOf(client.watch<KubeObject>(resource, { resourceVersion: end.resourceVersion, schema }, signal)),
    ]);
    expect(watched).toEqual({ type: 'MODIFIED', object: onlyRead(schema, changed) });
    expect(types).toEqual(new Set(['application/json', PROTOBUF, `${PROTOBUF};stream=watch`]));
  },
);

test('a list in pages says how it goes on, and every object comes once', async () => {
  const labels = { page: 'x' };
  for (const name of ['p1', 'p2', 'p3']) await client.create(NODES, { metadata: { name, labels } }, signal);
  const names: (string | undefined)[] = [];
  const schema = SCHEMAS.node;
  let more: string | undefined = '';
  for (let pages = 0; more !== undefined; pages += 1) {
    expect(pages).toBeLessThan(3);
    const query = { schema, labelSelector: 'page=x', limit: 1, continue: more };
    const end: { continue?: string } = await client.listEach(
      NODES,
      query,
      (each) => void names.push(each.metadata.name),
      signal,
    );
    more = end.continue;
  }
  expect(names).toEqual(['p1', 'p2', 'p3']);
});

test('a refusal, a watch from too far back and a bookmark are read in protobuf', async () => {
  types.clear();
  const schema = SCHEMAS.node;
  const fromStart = { schema: SCHEMAS.storageClass, resourceVersion: '1' };
  const refused = client.listEach(NODES, { schema, limit: 1, continue: 'nonsense' }, () => {}, signal);
  await expect(refused).rejects.toMatchObject({
    code: 400,
    reason: 'BadRequest',
    message: expect.stringContaining('continue'),
  });
  expect(types).toEqual(new Set([PROTOBUF]));
  await expect
    .poll(() => failureOf(firstOf(client.watch(STORAGE_CLASSES, fromStart, signal))), { timeout: 20_000 })
    .toMatchObject({
      ...{ code: 410, reason: 'Expired', message: expect.stringContaining('too old') },
    });
  // The server ends the initial events with one, and otherwise sends one a minute.
  const { resourceVersion } = await client.list(NODES, {}, signal);
  const listing = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', labelSelector: 'nobody=has' };
  const bookmark = await firstOf(client.watch(NODES, { schema, resourceVersion, ...listing }, signal));
  expect(bookmark).toEqual({ type: 'BOOKMARK', resourceVersion: expect.stringMatching(/^[0-9]+$/) });
});

async function firstOf<T extends KubeObject>(events: AsyncIterable<WatchEvent<T>>): Promise<WatchEvent<T>> {
  for await (const event of events) return event;
  throw new Error('the watch ended');
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** The fields of a schema that an object has not: their numbers would go unchecked. */
function unseen(schema: Message, object: unknown, place = ''): string[] {
  const values = (Array.isArray(object) ? object : [object]).filter(
    (each) => typeof each === 'object' && each !== null,
  );
  return schema.fields.flatMap((field) => {
    if (!field) return [];
    const { kind, name, message } = field;
    if (kind === 'embedded') return message ? unseen(message, object, place) : [];
    const found = values.flatMap((each) => (each as Readonly<Record<string, unknown>>)[name] ?? []);
    if (found.length === 0) return [`${place}.${name}`];
    return message ? unseen(message, found, `${place}.${name}`) : [];
  });
}
