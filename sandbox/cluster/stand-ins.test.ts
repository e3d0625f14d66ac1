import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createApiServer } from '../apiserver/api-server.ts';
import { parseManifest } from '../apiserver/manifest.ts';
import { silentLog } from '../../src/model/log.ts';
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { CLAIMS, PODS, VOLUME_SNAPSHOTS } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { SnapshotStores, Stores } from '../controllers/deps.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { Expectation, Matcher } from '../story/expectation.ts';
import { createFakeDriver, startFakeExtender, type FakeDriver, type FakeExtender } from '../controllers/fake-driver.ts';
import { registerDriver } from '../controllers/kubelet.ts';
import { DEPLOYMENTS, JOBS, REPLICA_SETS, STATEFUL_SETS } from '../controllers/kinds.ts';
import { registerNode } from './machines.ts';
import { applyObject } from '../story/perform.ts';
import { untilAllHold } from '../story/play.ts';
import { createRecordEvent } from '../controllers/record-events.ts';
import { runStandIns } from './stand-ins.ts';
import { openSnapshotStores, openStores } from '../controllers/stores.ts';
import { snapshotDefinitions } from './snapshot-definitions.ts';

const AFFINITY =
  'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[key=kubernetes.io/hostname].values[0]';
const GIB = 1024n ** 3n;
const DRIVER = 'local.csi.aliyun.com';
const root = path.join(import.meta.dirname, '../..');

let client: KubeClient;
let stores: Stores & SnapshotStores;
let driver: FakeDriver;
let extender: FakeExtender;
let ending: AbortController;
let cleanUp: AsyncDisposableStack;

beforeEach(async () => {
  cleanUp = new AsyncDisposableStack();
  ending = new AbortController();
  const { signal } = ending;
  const crds = ['localvolumes', 'nodelocalstorages', 'nodelocalstorageinitconfigs'].map((name) =>
    readFile(path.join(root, 'crds', `${name}.yaml`), 'utf8'),
  );
  const server = createApiServer({ crds: [...(await Promise.all(crds)), ...snapshotDefinitions()] });
  await server.listen();
  cleanUp.defer(() => server.close());
  const directory = await mkdtemp(path.join(os.tmpdir(), 'stand-ins-'));
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  await server.writeKubeconfig(path.join(directory, 'kubeconfig'));
  client = createKubeClient(await loadKubeconfig(path.join(directory, 'kubeconfig'), { run }), { userAgent: 'test' });
  cleanUp.defer(() => client.close());

  extender = await startFakeExtender();
  cleanUp.defer(() => extender.close());
  driver = createFakeDriver(30n * GIB);
  for (const name of ['node-1', 'node-2']) {
    await registerNode({ name, labels: {}, disks: [] }, client, signal);
    await registerDriver({ driver: DRIVER, nodeName: name, node: driver.node(name) }, { client }, signal);
  }
  stores = {
    ...(await openStores(client, silentLog, signal)),
    ...(await openSnapshotStores(client, silentLog, signal)),
  };
  const { record, run: recordEvents } = createRecordEvent(client, silentLog);
  const nodes = ['node-1', 'node-2'].map((name) => ({
    name,
    csi: driver.node(name),
    directory: path.join(directory, name),
  }));
  const deps = { client, stores, record, log: silentLog, driver: DRIVER, extenderUrl: extender.url, nodes };
  const running = Promise.all([runStandIns({ ...deps, controller: driver.controller }, signal), recordEvents(signal)]);
  cleanUp.defer(async () => {
    ending.abort();
    await running;
  });
  await apply('../deploy/storageclasses.yaml');
});
afterEach(() => cleanUp.disposeAsync());

async function apply(file: string): Promise<void> {
  const objects = parseManifest(await readFile(path.join(root, 'examples', file), 'utf8'), file);
  await Promise.all(objects.map((object) => applyObject(object, client, ending.signal)));
}

const sees = (kind: string, path: string, matcher: Matcher, having?: Expectation['of']['having']): Expectation => ({
  says: `${kind} ${path}`,
  of: { kind, ...(having ? { having } : {}) },
  path,
  matcher,
});
/** Waits until the cluster looks so, and fails with what it found instead. */
async function until(...expectations: Expectation[]): Promise<void> {
  const findings = await untilAllHold(expectations, stores, 10_000, ending.signal);
  expect(findings.filter(({ ok }) => !ok)).toEqual([]);
}

const named = (name: string) => ({ path: 'metadata.name', is: name });
const claimOf = (name: string, storage: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'open-local-lvm', resources: { requests: { storage } } },
});
/** Makes a pod that uses the claim of the same name. */
const podOf = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    containers: [{ name: 'main', image: 'busybox' }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
  },
});
const grow = (name: string, storage: string): Promise<unknown> => {
  const body = { spec: { resources: { requests: { storage } } } };
  return client.patch(CLAIMS, { namespace: 'default', name }, { type: 'merge', body }, ending.signal);
};
const scale = (replicas: number): Promise<unknown> => {
  const patch = { type: 'merge', body: { spec: { replicas } } } as const;
  return client.patch(STATEFUL_SETS, { namespace: 'default', name: 'web' }, patch, ending.signal);
};
const nodeOf = (name: string): string | undefined => stores.pods.get(`default/${name}`)?.spec?.nodeName;
const bound = { test: 'tally', want: { Bound: 4 } } as const;
const none = { test: 'count', want: 0 } as const;

test('a StatefulSet runs on every node, each pod with its volume, and leaves nothing behind', async () => {
  await apply('demo/web.yaml');
  await until(
    sees('Pod', 'status.phase', { test: 'tally', want: { Running: 4 } }),
    sees('Pod', 'spec.nodeName', { test: 'tally', want: { 'node-1': 2, 'node-2': 2 } }),
    sees('PersistentVolumeClaim', 'status.phase', bound),
    sees('PersistentVolume', 'status.phase', bound),
    sees('PersistentVolume', AFFINITY, { test: 'tally', want: { 'node-1': 2, 'node-2': 2 } }),
    sees('StatefulSet', 'status.readyReplicas', { test: 'each', want: 4 }),
  );
  expect([...driver.volumes.values()]).toEqual(Array.from({ length: 4 }, () => 6n * GIB));

  const { signal } = ending;
  await client.delete(STATEFUL_SETS, { namespace: 'default', name: 'web' }, signal);
  for (const { metadata } of stores.claims.list())
    await client.delete(CLAIMS, { namespace: 'default', name: metadata.name ?? '' }, signal);
  await until(
    sees('Pod', 'metadata.name', none),
    sees('PersistentVolumeClaim', 'metadata.name', none),
    sees('PersistentVolume', 'metadata.name', none),
  );
  expect(driver.volumes.size).toBe(0);
  const volume = driver.calls[0]?.split(' ')[1];
  const life = driver.calls.filter((call) => call.endsWith(` ${volume}`)).map((call) => call.split(' ')[0]);
  expect(life).toEqual([
    'CreateVolume',
    'NodeStageVolume',
    'NodePublishVolume',
    'NodeUnpublishVolume',
    'NodeUnstageVolume',
    'DeleteVolume',
  ]);
});

test('a claim that is given back lets the scheduler choose again; meanwhile the pod says why', async () => {
  driver.failNext('CreateVolume', 8);
  await apply('demo/race.yaml');
  await until(
    sees('Pod', 'status.phase', { test: 'tally', want: { Running: 1, Pending: 1 } }),
    sees('Event', 'message', { test: 'matching', want: 'code = ResourceExhausted desc = no room' }),
    sees('Event', 'message', { test: 'matching', want: 'binding volumes: provisioning failed for PVC "race-[ab]"' }),
  );
  expect(driver.volumes.size).toBe(1);
});

test('a call whose end is unknown is repeated under the same name', async () => {
  driver.failNext('CreateVolume', 4);
  driver.failNext('CreateVolume', 14);
  driver.failNext('NodeStageVolume', 14);
  driver.failNext('DeleteVolume', 10);
  await apply('demo/race.yaml');
  await until(sees('Pod', 'status.phase', { test: 'tally', want: { Running: 1, Pending: 1 } }));

  const running = stores.pods.list().find(({ status }) => status?.phase === 'Running')?.metadata.name ?? '';
  const key = { namespace: 'default', name: running };
  const [volume = ''] = driver.volumes.keys();
  expect(driver.calls.filter((call) => call === `CreateVolume ${volume}`).length).toBeGreaterThanOrEqual(1);
  await client.delete(PODS, key, ending.signal);
  await client.delete(CLAIMS, key, ending.signal);
  await until(sees('Pod', 'status.phase', { test: 'tally', want: { Running: 1 } }));
  expect(driver.calls.filter((call) => call === `DeleteVolume ${volume}`)).toHaveLength(2);
});

test('the extender decides where, and its reasons reach the pod', async () => {
  extender.refuse.set('node-1', 'not enough room');
  extender.refuse.set('node-2', 'not enough room');
  await apply('demo/race.yaml');
  await until(
    sees('Pod', 'status.conditions[type=PodScheduled].message', {
      test: 'each',
      want:
        '0/2 nodes are available: 2 not enough room. ' +
        'preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    }),
    sees('Pod', 'status.phase', { test: 'tally', want: { Pending: 2 } }),
  );
  expect(driver.calls).toEqual([]);
});

test('a claim grows, volume first, filesystem second; one that cannot says so', async () => {
  await apply('demo/web.yaml');
  await until(sees('StatefulSet', 'status.readyReplicas', { test: 'each', want: 4 }));
  await grow('data-web-0', '8Gi');
  await until(
    sees('PersistentVolumeClaim', 'status.capacity.storage', { test: 'tally', want: { '6Gi': 3, '8Gi': 1 } }),
  );
  expect(driver.calls.filter((call) => call.startsWith('ControllerExpand'))).toHaveLength(1);
  expect(driver.calls.filter((call) => call.startsWith('NodeExpand'))).toHaveLength(1);

  await grow('data-web-1', '64Gi');
  await until(
    sees('PersistentVolumeClaim', 'status.conditions[type=ControllerResizeError].message', {
      test: 'matching',
      want: 'no room',
    }),
    sees('Event', 'message', { test: 'matching', want: 'no room' }, { path: 'reason', is: 'VolumeResizeFailed' }),
    sees('PersistentVolumeClaim', 'status.capacity.storage', { test: 'tally', want: { '6Gi': 3, '8Gi': 1 } }),
  );
});

test('a claim that was given back is not provisioned again before another node is chosen', async () => {
  driver.failNext('CreateVolume', 8);
  driver.onCall = (call) => {
    if (call.startsWith('CreateVolume')) for (const name of ['node-1', 'node-2']) extender.refuse.set(name, 'full');
  };
  await applyObject(claimOf('one', '1Gi'), client, ending.signal);
  await applyObject(podOf('one'), client, ending.signal);
  const message = 'status.conditions[type=PodScheduled].message';
  await until(sees('Pod', message, { test: 'matching', want: '2 full' }));
  expect(driver.calls).toHaveLength(1);
});

test('a claim deleted while its volume is being made leaves no volume behind', async () => {
  driver.failNext('CreateVolume', 4);
  const called = new Promise<string>((resolve) => (driver.onCall = resolve));
  await applyObject(claimOf('one', '1Gi'), client, ending.signal);
  await applyObject(podOf('one'), client, ending.signal);
  const [, volume] = (await called).split(' ');
  await client.delete(PODS, { namespace: 'default', name: 'one' }, ending.signal);
  await client.delete(CLAIMS, { namespace: 'default', name: 'one' }, ending.signal);
  await until(sees('Event', 'message', { test: 'matching', want: `Successfully provisioned volume ${volume}` }));
  await until(sees('PersistentVolume', 'metadata.name', none));
  expect(driver.calls).toEqual([`CreateVolume ${volume}`, `CreateVolume ${volume}`, `DeleteVolume ${volume}`]);
});

test('a claim in use is kept until its pod is gone', async () => {
  const runs = (name: string) => sees('Pod', 'status.phase', { test: 'each', want: 'Running' }, named(name));
  for (const name of ['used', 'later']) await applyObject(claimOf(name, '1Gi'), client, ending.signal);
  await applyObject(podOf('used'), client, ending.signal);
  await until(runs('used'));
  await client.delete(CLAIMS, { namespace: 'default', name: 'used' }, ending.signal);
  // A second claim that goes all the way gives the binder time to remove the first one, if it wrongly would.
  await applyObject(podOf('later'), client, ending.signal);
  await until(runs('later'));
  expect(stores.claims.get('default/used')?.metadata.deletionTimestamp).toBeDefined();

  await client.delete(PODS, { namespace: 'default', name: 'used' }, ending.signal);
  await until(sees('PersistentVolumeClaim', 'metadata.name', none, named('used')));
});

test('a StatefulSet scales down from its highest pod, keeps the claims, and finds them again', async () => {
  await apply('demo/web.yaml');
  await until(sees('StatefulSet', 'status.readyReplicas', { test: 'each', want: 4 }));
  const before = nodeOf('web-2');
  const left: (string | undefined)[] = [];
  stores.pods.subscribe(({ metadata }, gone) => void (gone && left.push(metadata.name)));
  await scale(2);
  await until(
    sees('Pod', 'metadata.name', { test: 'tally', want: { 'web-0': 1, 'web-1': 1 } }),
    sees('PersistentVolumeClaim', 'status.phase', bound),
  );
  expect(left).toEqual(['web-3', 'web-2']);
  await scale(4);
  await until(sees('Pod', 'status.phase', { test: 'tally', want: { Running: 4 } }));
  expect(nodeOf('web-2')).toBe(before);
  expect(driver.calls.filter((call) => call.startsWith('CreateVolume'))).toHaveLength(4);
});

test("the examples are accepted, and nginx serves from its claim's volume", async () => {
  await apply('nlsc.yaml');
  await apply('lvm/sts-nginx.yaml');
  await until(
    sees('Pod', 'metadata.name', { test: 'tally', want: { 'nginx-lvm-0': 1 } }),
    sees('Pod', 'status.phase', { test: 'each', want: 'Running' }),
    sees('PersistentVolumeClaim', 'metadata.name', { test: 'tally', want: { 'html-nginx-lvm-0': 1 } }),
  );
  expect([...driver.volumes.values()]).toEqual([5n * GIB]);
});

test('a snapshot is taken once its claim has a volume, becomes a claim, and goes with its object', async () => {
  const snapshot = { namespace: 'default', name: 'new-snapshot-test' };
  await applyObject(
    {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshotClass',
      metadata: { name: 'open-local-lvm' },
      ...{ driver: DRIVER, deletionPolicy: 'Delete' },
    },
    client,
    ending.signal,
  );
  await apply('lvm/snapshot.yaml');
  await apply('lvm/sts-nginx-snap.yaml');
  await apply('lvm/sts-nginx.yaml');
  await until(
    sees('VolumeSnapshot', 'status.readyToUse', { test: 'each', want: true }),
    sees('Pod', 'status.phase', { test: 'tally', want: { Running: 2 } }),
  );
  const [content] = stores.snapshotContents.list();
  const handle = content?.status?.snapshotHandle ?? '';
  expect(handle).toMatch(/^snap-/);
  expect(driver.calls.find((call) => call.endsWith(` from ${handle}`))).toMatch(/^CreateVolume local-/);

  await client.delete(VOLUME_SNAPSHOTS, snapshot, ending.signal);
  await until(sees('VolumeSnapshot', 'metadata.name', none), sees('VolumeSnapshotContent', 'metadata.name', none));
  expect(driver.calls).toContain(`DeleteSnapshot ${handle}`);
});

test('an inline volume is published for its pod, never staged, and unpublished with it', async () => {
  await apply('lvm/ephemeral.yaml');
  await until(sees('Pod', 'status.phase', { test: 'tally', want: { Running: 2 } }));
  await client.delete(DEPLOYMENTS, { namespace: 'default', name: 'scratch' }, ending.signal);
  await until(sees('Pod', 'metadata.name', none));
  const methods = driver.calls.map((call) => call.split(' ')[0]);
  expect(methods.toSorted((a, b) => (a! < b! ? -1 : 1))).toEqual([
    ...['NodePublishVolume', 'NodePublishVolume', 'NodeUnpublishVolume', 'NodeUnpublishVolume'],
  ]);
  expect(new Set(driver.calls.map((call) => call.split(' ')[1])).size).toBe(2);
});

test('a pod whose claim does not exist waits for it', async () => {
  await applyObject(podOf('late'), client, ending.signal);
  const message = 'status.conditions[type=PodScheduled].message';
  await until(sees('Pod', message, { test: 'matching', want: 'persistentvolumeclaim "late" not found' }));
  await applyObject(claimOf('late', '1Gi'), client, ending.signal);
  await until(sees('Pod', 'status.phase', { test: 'each', want: 'Running' }));
  expect([...driver.volumes.values()]).toEqual([GIB]);
});

const templateOf = (app: string, claim: string, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: {
    containers: [{ name: 'main', image: 'busybox' }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }],
    ...more,
  },
});
const deploymentOf = (spec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'site' },
  spec: { selector: { matchLabels: { app: 'site' } }, template: templateOf('site', 'site'), ...spec },
});
const site = { namespace: 'default', name: 'site' };
const change = (spec: object): Promise<unknown> =>
  client.patch(DEPLOYMENTS, site, { type: 'merge', body: { spec } }, ending.signal);

test('a Deployment runs its pods on one claim, says how many serve, scales, and takes its pods with it', async () => {
  await applyObject(claimOf('site', '1Gi'), client, ending.signal);
  await applyObject(deploymentOf({ replicas: 2 }), client, ending.signal);
  await until(
    sees('Pod', 'status.phase', { test: 'tally', want: { Running: 2 } }),
    sees('Pod', 'metadata.ownerReferences[0].kind', { test: 'each', want: 'ReplicaSet' }),
    sees('ReplicaSet', 'metadata.ownerReferences[0].kind', { test: 'each', want: 'Deployment' }),
    sees('Deployment', 'status.availableReplicas', { test: 'each', want: 2 }),
    sees('Deployment', 'status.conditions[type=Available].status', { test: 'each', want: 'True' }),
    sees('PersistentVolumeClaim', 'status.phase', { test: 'tally', want: { Bound: 1 } }),
  );
  expect(new Set(stores.pods.list().map(({ spec }) => spec?.nodeName)).size).toBe(1);
  await change({ replicas: 1 });
  await until(
    sees('Pod', 'status.phase', { test: 'tally', want: { Running: 1 } }),
    sees('Deployment', 'status.replicas', { test: 'each', want: 1 }),
  );
  await client.delete(DEPLOYMENTS, site, ending.signal);
  await until(sees('Pod', 'metadata.name', none), sees('ReplicaSet', 'metadata.name', none));
  expect(driver.volumes.size).toBe(1);
});

test.each([
  ['RollingUpdate', 'serves'],
  ['Recreate', 'leaves'],
])('with %s a new template replaces the pods: the old one %s first', async (type, first) => {
  await applyObject(claimOf('site', '1Gi'), client, ending.signal);
  await applyObject(deploymentOf({ strategy: type === 'Recreate' ? { type } : undefined }), client, ending.signal);
  await until(sees('Deployment', 'status.readyReplicas', { test: 'each', want: 1 }));
  const before = stores.pods.list().map(({ metadata }) => metadata.uid);
  let most = 0;
  stores.pods.subscribe(() => (most = Math.max(most, stores.pods.list().length)));
  const template = templateOf('site', 'site');
  await change({ template: { ...template, metadata: { labels: { app: 'site', version: '2' } } } });
  await until(
    sees('Pod', 'metadata.labels.version', { test: 'tally', want: { 2: 1 } }),
    sees('Pod', 'status.phase', { test: 'tally', want: { Running: 1 } }),
    sees('Deployment', 'status.updatedReplicas', { test: 'each', want: 1 }),
    sees('Deployment', 'status.readyReplicas', { test: 'each', want: 1 }),
  );
  expect(stores.pods.list().map(({ metadata }) => metadata.uid)).not.toEqual(before);
  expect(most).toBe(first === 'serves' ? 2 : 1);
  const sets = await client.list(REPLICA_SETS, { namespace: 'default' }, ending.signal);
  expect(sets.items.map(({ spec }) => String(spec?.replicas)).toSorted()).toEqual(['0', '1']);
});

test('a Job runs its pods to their end, which lets go of the volume, and is complete', async () => {
  await applyObject(claimOf('work', '1Gi'), client, ending.signal);
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'work' },
    spec: { completions: 3, parallelism: 2, template: templateOf('work', 'work', { restartPolicy: 'Never' }) },
  };
  await applyObject(job, client, ending.signal);
  await until(
    sees('Job', 'status.conditions[type=Complete].status', { test: 'each', want: 'True' }),
    sees('Job', 'status.succeeded', { test: 'each', want: 3 }),
    sees('Pod', 'status.phase', { test: 'tally', want: { Succeeded: 3 } }),
    sees('Pod', 'metadata.labels["job-name"]', { test: 'tally', want: { work: 3 } }),
  );
  await expect.poll(() => driver.calls.filter((call) => call.startsWith('NodeUnpublish')).length).toBe(3);
  await client.delete(JOBS, { namespace: 'default', name: 'work' }, ending.signal);
  await until(sees('Pod', 'metadata.name', none));
});

const uids = (): Set<string | undefined> => new Set(stores.pods.list().map(({ metadata }) => metadata.uid));

test('a StatefulSet deleted with --cascade=orphan leaves its pods, and a new one takes them', async () => {
  await apply('demo/web.yaml');
  await until(sees('StatefulSet', 'status.readyReplicas', { test: 'each', want: 4 }));
  const [before, web] = [uids(), { namespace: 'default', name: 'web' }];
  await client.delete(STATEFUL_SETS, web, ending.signal, { propagationPolicy: 'Orphan' });
  await until(sees('StatefulSet', 'metadata.name', none), sees('Pod', 'metadata.ownerReferences[0].name', none));
  expect(uids()).toEqual(before);
  await apply('demo/web.yaml');
  await until(
    sees('Pod', 'metadata.ownerReferences[0].name', { test: 'tally', want: { web: 4 } }),
    sees('StatefulSet', 'status.readyReplicas', { test: 'each', want: 4 }),
  );
  expect(uids()).toEqual(before);
});

test('a Deployment deleted with --cascade=orphan leaves its ReplicaSet, and a new one takes it', async () => {
  await applyObject(claimOf('site', '1Gi'), client, ending.signal);
  await applyObject(deploymentOf({ replicas: 2 }), client, ending.signal);
  await until(sees('Deployment', 'status.availableReplicas', { test: 'each', want: 2 }));
  const before = uids();
  await client.delete(DEPLOYMENTS, site, ending.signal, { propagationPolicy: 'Orphan' });
  await until(sees('Deployment', 'metadata.name', none), sees('ReplicaSet', 'metadata.ownerReferences[0].name', none));
  await applyObject(deploymentOf({ replicas: 2 }), client, ending.signal);
  await until(sees('Deployment', 'status.availableReplicas', { test: 'each', want: 2 }));
  expect(uids()).toEqual(before);
});

test('with --cascade=foreground a Deployment goes last', async () => {
  await applyObject(claimOf('site', '1Gi'), client, ending.signal);
  await applyObject(deploymentOf({ replicas: 2 }), client, ending.signal);
  await until(sees('Deployment', 'status.availableReplicas', { test: 'each', want: 2 }));
  const gone: string[] = [];
  const [{ deployments, replicaSets, pods }, note] = [
    stores,
    ({ kind = '' }: KubeObject, isGone: boolean) => {
      if (isGone) gone.push(kind);
    },
  ];
  for (const store of [deployments, replicaSets, pods]) store.subscribe(note);
  await client.delete(DEPLOYMENTS, site, ending.signal, { propagationPolicy: 'Foreground' });
  await until(
    sees('Deployment', 'metadata.name', none),
    sees('ReplicaSet', 'metadata.name', none),
    sees('Pod', 'metadata.name', none),
  );
  expect(gone.toSorted()).toEqual(['Deployment', 'Pod', 'Pod', 'ReplicaSet']);
});
