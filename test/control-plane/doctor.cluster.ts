import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { DEFINITIONS } from '../../src/definitions/definition.ts';
import { diagnose } from '../../src/doctor/doctor.ts';
import type { Finding } from '../../src/doctor/model/finding.ts';
import { DAEMON_SETS, DRIVER_OBJECTS, type Workload } from '../../src/doctor/model/kinds.ts';
import { readCluster } from '../../src/doctor/read-cluster.ts';
import type { Resource } from '../../src/kube/resource.ts';
import { CLAIMS, NODE_LOCAL_STORAGES, PODS, STORAGE_CLASSES } from '../../src/kube/resource.ts';
import { VERSION } from '../../src/version.ts';
import { startProxy } from '../rig/connect-proxy.ts';
import { eventually } from '../rig/eventually.ts';
import { runForPeople } from '../rig/people-cluster.ts';
import { serviceAccountKubeconfig } from './cluster/identities.ts';
import { CHECKOUT } from './cluster/program.ts';
import { createPods, untilRunning } from './instruments/workload.ts';
import { startSystem, type System } from './system/system.ts';

/** The doctor against the real API server, with operators as the pods of deploy/ and agents on two simulated nodes. */
const never = new AbortController().signal;
const READY_MS = 30_000;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 2, disks: '/dev/sdb:40Gi:ssd' }],
    asPods: true,
    extender: { ignorable: true },
  });
  await system.kubectl('rollout', 'status', 'deployment/open-local-operator', '-n', 'open-local', '--timeout=60s');
  await agentsAsDeployed();
  await createPods(system, [{ name: 'web', sizes: ['1Gi'] }]);
  await untilRunning(system, ['web'], READY_MS);
}, 180_000);
afterAll(() => system?.stop());

/** The DaemonSet of deploy/, on the simulated nodes only: their kubelet makes its pods Ready, and runs nothing. */
async function agentsAsDeployed(): Promise<void> {
  for (const name of ['node-1', 'node-2']) await system.kubectl('label', 'node', name, 'agents=here');
  const text = await readFile(path.join(CHECKOUT, 'deploy/agent.yaml'), 'utf8');
  const documents = parseAllDocuments(text).map((each) => each.toJS() as Workload);
  for (const { kind, spec } of documents)
    if (kind === 'DaemonSet') Object.assign(spec?.template?.spec ?? {}, { nodeSelector: { agents: 'here' } });
  const file = path.join(system.cluster.dir, 'agent.yaml');
  await writeFile(file, documents.map((each) => stringify(each)).join('---\n'));
  await system.kubectl('apply', '-f', file);
  await system.kubectl('rollout', 'status', 'daemonset/open-local-agent', '-n', 'open-local', '--timeout=60s');
}

interface Told {
  readonly stdout: string;
  readonly code: number;
}

const doctor = (...flags: readonly string[]): Promise<Told> =>
  promisify(execFile)(inject('openLocal'), ['doctor', ...flags]).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    (failed: { stdout: string; code: number }) => ({ stdout: failed.stdout, code: failed.code }),
  );
const examined = async (kubeconfig = system.cluster.admin): Promise<readonly Finding[]> => {
  const { stdout } = await doctor(`--kubeconfig=${kubeconfig}`, '--json');
  return (JSON.parse(stdout) as { findings: Finding[] }).findings;
};

const mends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const mend of mends.splice(0).toReversed()) await mend();
});

const merge = (resource: Resource, name: string, body: object, subresource?: 'status') =>
  system.client.patch(resource, { name }, { type: 'merge', body }, never, subresource);

test('an installation as it should be is one line', async () => {
  const { stdout, code } = await doctor(`--kubeconfig=${system.cluster.admin}`);
  expect(stdout).toMatch(
    /^healthy: open-local \S+ in namespace open-local: 4 nodes, \d with storage reports, 1 volume, .*\n$/,
  );
  expect(code).toBe(0);
});

test('kubectl finds it as a plug-in', async () => {
  const { PATH = '' } = process.env;
  const folder = path.dirname(inject('openLocal'));
  const env = { PATH: `${folder}:${PATH}`, KUBECONFIG: system.cluster.admin };
  const { stdout } = await promisify(execFile)(system.cluster.binary('kubectl'), ['open-local', 'doctor'], { env });
  expect(stdout).toMatch(/^healthy: /);
});

/** How people reach a cluster: by a certificate, a credential plug-in, a proxy, each a context of one kubeconfig. */
async function contextsOf(proxy: URL): Promise<string> {
  const { cluster } = system;
  const admin = JSON.parse(await readFile(cluster.admin, 'utf8')) as {
    readonly clusters: readonly { readonly cluster: object }[];
    readonly users: readonly { readonly user: object }[];
  };
  await system.kubectl('create', 'serviceaccount', 'person');
  const role = ['--clusterrole=cluster-admin', '--serviceaccount=default:person'];
  await system.kubectl('create', 'clusterrolebinding', 'person', ...role);
  const token = await system.kubectl('create', 'token', 'person');
  const apiVersion = 'client.authentication.k8s.io/v1';
  const credential = { apiVersion, kind: 'ExecCredential', status: { token: token.trim() } };
  const plugin = path.join(cluster.dir, 'login');
  await writeFile(plugin, `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`, { mode: 0o755 });
  const context = (name: string, at: string, user: string) => ({ name, context: { cluster: at, user } });
  const file = path.join(cluster.dir, 'contexts.kubeconfig');
  const config = {
    clusters: [
      { name: 'direct', cluster: admin.clusters[0]?.cluster },
      { name: 'behind-proxy', cluster: { ...admin.clusters[0]?.cluster, 'proxy-url': proxy.href } },
      { name: 'gone', cluster: { ...admin.clusters[0]?.cluster, 'proxy-url': 'http://127.0.0.1:1' } },
    ],
    users: [
      { name: 'admin', user: admin.users[0]?.user },
      { name: 'person', user: { exec: { apiVersion, command: './login', interactiveMode: 'Never' } } },
    ],
    contexts: [
      context('admin', 'direct', 'admin'),
      context('plug-in', 'direct', 'person'),
      context('proxied', 'behind-proxy', 'person'),
      context('gone', 'gone', 'person'),
    ],
    'current-context': 'admin',
  };
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }));
  return file;
}

test('it goes by contexts, a credential plug-in and a proxy, as kubectl does', async () => {
  const { host, port } = new URL(system.cluster.server);
  await using proxy = await startProxy(Number(port));
  const kubeconfig = await contextsOf(proxy.url);
  const look = (...flags: readonly string[]) => runForPeople({ kubeconfig }, ['volumes', '-o', 'json', ...flags]);
  const volumesBy = async (...flags: readonly string[]): Promise<unknown> => {
    const { stdout, stderr, code } = await look(...flags);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    return (JSON.parse(stdout) as { volumes: unknown }).volumes;
  };
  const admin = await volumesBy();
  expect(admin).toMatchObject([{ pods: ['default/web'] }]);
  expect(await volumesBy('--context=plug-in')).toEqual(admin);
  expect(proxy.asked).toEqual([]);
  expect(await volumesBy('--context=proxied')).toEqual(admin);
  expect(proxy.asked).toEqual([`CONNECT ${host} me:secret`]);
  const refused = await look('--context=gone');
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('127.0.0.1:1') });
});

test.each([
  ['top', 'nodes'],
  ['top', 'groups'],
  ['top', 'volumes'],
  ['disks'],
  ['volumes'],
  ['why', 'pod', 'web'],
  ['why', 'node', 'node-1'],
  ['doctor'],
])('at 80 columns no line of %s %s is broken by the terminal', async (...args) => {
  const { stdout, stderr } = await runForPeople({ kubeconfig: system.cluster.admin }, args, 80);
  expect(stderr).toBe('');
  expect(stdout).not.toBe('');
  expect(stdout.split('\n').filter(({ length }) => length > 80)).toEqual([]);
});

const RULES: Resource = {
  ...{ group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles', kind: 'ClusterRole' },
  namespaced: false,
};

test('a right that the agents lack, by name', async () => {
  const before = await system.client.get(RULES, { name: 'open-local-agent' }, never);
  const rules = (before as { rules?: { verbs: string[]; resources: string[] }[] }).rules ?? [];
  mends.push(() => merge(RULES, 'open-local-agent', { rules }));
  await merge(RULES, 'open-local-agent', { rules: rules.filter(({ resources }) => !resources.includes('events')) });
  await eventually(async () => {
    const findings = await examined();
    expect(findings.map(({ name, object, what }) => ({ name, object, what }))).toEqual([
      {
        name: 'PermissionMissing',
        object: 'ServiceAccount/open-local/open-local-agent',
        what: 'It may not: create events, patch events.',
      },
    ]);
  });
});

test("the operator's own account asks about itself, and is told what it lacks", async () => {
  const kubeconfig = await serviceAccountKubeconfig(system.cluster, 'open-local-operator');
  const healthy = await doctor(`--kubeconfig=${kubeconfig}`);
  expect(healthy.code).toBe(2);
  expect(healthy.stdout).toMatch(/not looked at: deployments: .*forbidden/);
  expect(healthy.stdout).not.toContain('rights of the service accounts');
  const before = await system.client.get(RULES, { name: 'open-local-provisioner' }, never);
  const rules = (before as { rules?: { resources: string[] }[] }).rules ?? [];
  mends.push(() => merge(RULES, 'open-local-provisioner', { rules }));
  await merge(RULES, 'open-local-provisioner', {
    rules: rules.filter(({ resources }) => !resources.includes('volumeattributesclasses')),
  });
  await eventually(async () => {
    const [finding] = await examined(kubeconfig);
    expect(finding?.what).toContain('get volumeattributesclasses.storage.k8s.io');
    expect(finding?.object).toBe('ServiceAccount/open-local/open-local-operator');
  });
});

test('a definition of an older version', async () => {
  const name = 'nodelocalstorages.csi.aliyun.com';
  const property = '/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/host';
  mends.push(() => system.kubectl('apply', '--server-side', '--force-conflicts', '-k', path.join(CHECKOUT, 'crds')));
  await system.client.patch(DEFINITIONS, { name }, { type: 'json', body: [{ op: 'remove', path: property }] }, never);
  const findings = await examined();
  expect(findings).toMatchObject([
    {
      name: 'DefinitionOld',
      what: 'It lacks 1 field: status.host.',
      mend: ['kubectl apply --server-side --force-conflicts -k crds'],
    },
  ]);
});

test('a clock of a node, by what the server notes of its report', async () => {
  const report = await system.client.get(NODE_LOCAL_STORAGES, { name: 'node-1' }, never);
  const state = report.status?.nodeStorageInfo?.state;
  const heartbeat = (ms: number) => {
    const lastHeartbeatTime = new Date(ms).toISOString();
    const status = { nodeStorageInfo: { state: { ...state, lastHeartbeatTime } } };
    return merge(NODE_LOCAL_STORAGES, 'node-1', { status }, 'status');
  };
  mends.push(() => heartbeat(Date.now()));
  await heartbeat(Date.now() - 200_000);
  expect(await examined()).toMatchObject([
    { name: 'NodeClockWrong', object: 'Node/node-1', what: 'It is 3 min behind the API server.' },
  ]);
});

test('no CSIDriver object, a class with a misspelt parameter, and one that binds at once', async () => {
  const driver = await system.client.get(DRIVER_OBJECTS, { name: 'local.csi.aliyun.com' }, never);
  const { resourceVersion: _, uid: __, ...metadata } = driver.metadata;
  mends.push(() => system.client.create(DRIVER_OBJECTS, { ...driver, metadata }, never));
  await system.client.delete(DRIVER_OBJECTS, { name: 'local.csi.aliyun.com' }, never);
  const parameters = { volumeType: 'LVM', vgname: 'open-local-pool-0' };
  const odd = { metadata: { name: 'odd' }, provisioner: 'local.csi.aliyun.com', parameters };
  mends.push(() => system.client.delete(STORAGE_CLASSES, { name: 'odd' }, never));
  await system.client.create(STORAGE_CLASSES, odd, never);
  const findings = await examined();
  expect(findings.map(({ name, object }) => `${name} ${object}`)).toEqual([
    'DriverObjectMissing CSIDriver/local.csi.aliyun.com',
    'ClassBindsAtOnce StorageClass/odd',
    'ClassParameterUnknown StorageClass/odd',
  ]);
});

test('the agents are gone from nodes with volumes', async () => {
  const daemonSet = await system.client.get(DAEMON_SETS, { namespace: 'open-local', name: 'open-local-agent' }, never);
  mends.push(agentsAsDeployed);
  await system.kubectl('delete', 'daemonset', 'open-local-agent', '-n', 'open-local');
  expect(daemonSet.spec).toBeDefined();
  expect(await examined()).toMatchObject([
    { name: 'AgentMissing', mend: [expect.stringContaining('kubectl apply -k deploy')] },
  ]);
});

test('a claim that no group can hold, with the reason that the scheduler does not tell', async () => {
  mends.push(async () => {
    await system.client.delete(PODS, { namespace: 'default', name: 'big' }, never, { gracePeriodSeconds: 0 });
    await system.client.delete(CLAIMS, { namespace: 'default', name: 'big-0' }, never);
  });
  await createPods(system, [{ name: 'big', sizes: ['100Gi'] }]);
  // A claim that was made a moment ago is no finding: it is looked at as it will be in two minutes.
  const later = { version: VERSION, namespace: 'open-local', now: () => Date.now() + 120_000 };
  const findings = diagnose(await readCluster(system.client, later, never)).filter(({ name }) => name === 'ClaimWaits');
  expect(findings).toMatchObject([
    {
      object: 'PersistentVolumeClaim/default/big-0',
      what: expect.stringMatching(
        /: pod big: Waits with claim big-0 .* not enough room for 100 GiB in any volume group/,
      ),
      mend: ['kubectl open-local why pod big -n default'],
    },
  ]);
});
