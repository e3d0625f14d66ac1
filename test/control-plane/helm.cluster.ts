import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { builtTools, CHART } from '../deploy/chart.ts';
import { startCluster, type Cluster } from './cluster/cluster.ts';
import { kubectl } from './cluster/identities.ts';
import { CHECKOUT } from './cluster/program.ts';

/** The real helm and a real API server: installed, upgraded, taken away and put back, and in place of open-local. */

let cluster: Cluster;
let helmBinary: string;
beforeAll(async () => {
  helmBinary = (await builtTools()).helm;
  cluster = await startCluster();
}, 900_000);
afterAll(() => cluster?.stop());

const helm = async (...args: readonly string[]): Promise<string> => {
  const env = { ...process.env, KUBECONFIG: cluster.admin };
  return (await promisify(execFile)(helmBinary, args, { env, maxBuffer: 1 << 26 })).stdout;
};
const PLACE = ['-n', 'open-local', '--create-namespace'];
const NLSC = ['--set-json', 'initConfig={"globalConfig":{"listConfig":{"vgs":{"include":["pool-[0-9]+"]}}}}'];
const get = (...args: readonly string[]): Promise<string> => kubectl(cluster, 'get', ...args);
const CRDS = ['localvolumes', 'nodelocalstorageinitconfigs', 'nodelocalstorages'].map(
  (name) => `${name}.csi.aliyun.com`,
);

// Everything that a test may have left, as on a new cluster.
beforeEach(async () => {
  await helm('uninstall', 'open-local', '-n', 'open-local', '--ignore-not-found');
  await kubectl(cluster, 'delete', 'crd', ...CRDS, '--ignore-not-found', '--wait=false');
  await untilGone(CRDS);
  await kubectl(cluster, 'delete', 'storageclass,csidriver', '--all');
  await kubectl(cluster, 'delete', 'daemonset', '--all', '-n', 'kube-system');
}, 240_000);

/**
 * The API server deletes the objects of a definition first, and looks for up to a minute whether they are gone
 * (deleteInstances in apiextensions-apiserver's finalizer).
 */
async function untilGone(crds: readonly string[]): Promise<void> {
  const args = ['wait', '--for=delete', 'crd', ...crds, '--timeout=150s'];
  await promisify(execFile)(cluster.binary('kubectl'), ['--kubeconfig', cluster.admin, ...args]);
}

/** Makes an object that records a volume of a user. */
const record = async (): Promise<void> => {
  const file = path.join(cluster.dir, 'record.yaml');
  const spec = { nodeName: 'n1', kind: 'LVM', role: 'Volume', vgName: 'pool-0', sizeBytes: 2 ** 30 };
  await writeFile(
    file,
    stringify({ apiVersion: 'csi.aliyun.com/v1alpha1', kind: 'LocalVolume', metadata: { name: 'data' }, spec }),
  );
  await kubectl(cluster, 'wait', '--for=condition=Established', 'crd', ...CRDS, '--timeout=30s');
  await kubectl(cluster, 'apply', '-f', file);
};

test('one command installs it on an empty cluster, with what every node should have', async () => {
  expect(await helm('install', 'open-local', CHART, ...PLACE, ...NLSC)).toContain('STATUS: deployed');
  expect(await get('nlsc', 'open-local', '-o', 'jsonpath={.spec}')).toContain('pool-[0-9]+');
  expect(await get('deployment,daemonset,service,pdb', '-n', 'open-local', '-o', 'name')).toContain('open-local-agent');
  // The next upgrade has it among its objects, and says what has changed.
  await helm(
    'upgrade',
    'open-local',
    CHART,
    '-n',
    'open-local',
    '--reset-values',
    ...NLSC.slice(0, 1),
    `${NLSC[1]?.replace('pool', 'other')}`,
  );
  expect(await get('nlsc', 'open-local', '-o', 'jsonpath={.spec}')).toContain('other-[0-9]+');
  // And one that says nothing of it leaves it as it is.
  await helm('upgrade', 'open-local', CHART, '-n', 'open-local', '--reset-values');
  expect(await get('nlsc', 'open-local', '-o', 'jsonpath={.spec}')).toContain('other-[0-9]+');
});

test('an upgrade carries what changed in the CRDs, and touches no object', async () => {
  await helm('install', 'open-local', CHART, ...PLACE);
  await record();
  const before = await get('lvol', 'data', '-o', 'jsonpath={.metadata.uid} {.spec}');
  const next = path.join(cluster.dir, 'next-chart');
  await cp(CHART, next, { recursive: true, dereference: true });
  const file = path.join(next, 'definitions/localvolumes.yaml');
  const text = await readFile(file, 'utf8');
  const added = text.replace(/^( +)nodeName: \{/m, '$1ofTomorrow: { type: string }\n$&');
  expect(added).not.toBe(text);
  await writeFile(file, added);
  await helm('upgrade', 'open-local', next, '-n', 'open-local');
  expect(await get('crd', 'localvolumes.csi.aliyun.com', '-o', 'json')).toContain('"ofTomorrow"');
  expect(await get('lvol', 'data', '-o', 'jsonpath={.metadata.uid} {.spec}')).toBe(before);
});

test('uninstalled, it leaves every record of a volume; installed again, it has them', async () => {
  await helm('install', 'open-local', CHART, ...PLACE, ...NLSC);
  await record();
  const uid = await get('lvol', 'data', '-o', 'jsonpath={.metadata.uid}');
  await helm('uninstall', 'open-local', '-n', 'open-local');
  expect(await get('deployment,daemonset', '-A', '-o', 'name')).toBe('');
  expect(await get('lvol,nlsc', '-o', 'name')).toBe(
    'localvolume.csi.aliyun.com/data\nnodelocalstorageinitconfig.csi.aliyun.com/open-local\n',
  );
  await helm('install', 'open-local', CHART, ...PLACE);
  expect(await get('lvol', 'data', '-o', 'jsonpath={.metadata.uid}')).toBe(uid);
  expect(await get('nlsc', 'open-local', '-o', 'jsonpath={.spec}')).toContain('pool-[0-9]+');
});

/** A release of the existing open-local, with what of it has our names: written here, laid out as its chart does. */
async function installOpenLocal(): Promise<void> {
  const chart = path.join(cluster.dir, 'existing');
  await mkdir(path.join(chart, 'templates'), { recursive: true });
  await cp(path.join(CHECKOUT, 'crds'), path.join(chart, 'crds'), { recursive: true });
  await writeFile(
    path.join(chart, 'Chart.yaml'),
    stringify({ apiVersion: 'v2', name: 'open-local', version: '0.8.0' }),
  );
  const workload = (name: string) => {
    const labels = { 'app.kubernetes.io/component': name };
    const spec = { containers: [{ name: 'main', image: 'openlocal/open-local:v0.8.0' }] };
    return { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } };
  };
  const named = (name: string) => ({ name, namespace: 'kube-system' });
  const [agent, controller, extender] = ['agent', 'controller', 'scheduler-extender'].map(
    (name) => `open-local-${name}`,
  );
  const service = {
    selector: { 'app.kubernetes.io/component': extender },
    ports: [{ name: 'http-port', port: 23_000 }],
  };
  const driver = { attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: ['Persistent', 'Ephemeral'] };
  const vgs = [{ name: 'open-local-pool-0', devices: ['/dev/vdb'] }];
  const objects = [
    { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: named(agent ?? ''), spec: workload(agent ?? '') },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: named(controller ?? ''), spec: workload(controller ?? '') },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: named(extender ?? ''), spec: workload(extender ?? '') },
    { apiVersion: 'v1', kind: 'Service', metadata: named(extender ?? ''), spec: service },
    { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'local.csi.aliyun.com' }, spec: driver },
    {
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'open-local-lvm-io-throttle' } },
      ...{ provisioner: 'local.csi.aliyun.com', parameters: { volumeType: 'LVM' }, allowVolumeExpansion: true },
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    {
      ...{
        apiVersion: 'csi.aliyun.com/v1alpha1',
        kind: 'NodeLocalStorageInitConfig',
        metadata: { name: 'open-local' },
      },
      spec: { globalConfig: { resourceToBeInited: { vgs } } },
    },
  ];
  const text = objects.map((object) => stringify(object)).join('---\n');
  await writeFile(path.join(chart, 'templates/all.yaml'), text);
  // As the helm of its time did.
  await helm('install', 'open-local', chart, '-n', 'kube-system', '--server-side=false');
}

test('by docs/switching.md, the release of the existing open-local becomes ours, and what it knew stays', async () => {
  await installOpenLocal();
  const upgrade = ['upgrade', 'open-local', CHART, '-n', 'kube-system', '--take-ownership'];
  await expect(helm(...upgrade)).rejects.toThrow(
    /DaemonSet kube-system\/open-local-agent is the existing open-local's: .* kubectl -n kube-system delete daemonset open-local-agent/,
  );
  await kubectl(cluster, 'delete', 'daemonset', 'open-local-agent', '-n', 'kube-system');
  const notes = await helm(...upgrade);
  // Kubernetes changes no class's parameters, and the class must stay.
  expect(notes).toMatch(/storageclass\.lvm_throttle\.parameters: class open-local-lvm-io-throttle exists with others/);
  const parameters = await get('storageclass', 'open-local-lvm-io-throttle', '-o', 'jsonpath={.parameters}');
  expect(parameters).toBe('{"volumeType":"LVM"}');
  expect(await get('nlsc', 'open-local', '-o', 'jsonpath={.spec}')).toContain('/dev/vdb');
  expect(await get('deployment', '-n', 'kube-system', '-o', 'name')).toBe('deployment.apps/open-local-operator\n');
  // Where it leads is said by the leader's slice alone.
  const service = ['service', 'open-local-scheduler-extender', '-n', 'kube-system', '-o'];
  expect(await get(...service, 'jsonpath={.spec.selector}')).toBe('');
  expect(await get(...service, 'jsonpath={.spec.ports[*].name}')).toBe('extender');
  expect(await get('csidriver', 'local.csi.aliyun.com', '-o', 'jsonpath={.spec.fsGroupPolicy}')).toBe('File');
  // And back.
  await kubectl(cluster, 'delete', 'daemonset', 'open-local-agent', '-n', 'kube-system');
  await helm('rollback', 'open-local', '1', '-n', 'kube-system');
  expect(await get('deployment', '-n', 'kube-system', '-o', 'name')).toContain('open-local-controller');
  expect(await get('nlsc', 'open-local', '-o', 'jsonpath={.spec}')).toContain('/dev/vdb');
  expect(await get('crd', ...CRDS, '-o', 'name')).toContain('localvolumes');
  await helm('uninstall', 'open-local', '-n', 'kube-system');
});

test('what kubectl apply -k deploy brought becomes the release of helm', async () => {
  await kubectl(cluster, 'apply', '-k', path.join(CHECKOUT, 'deploy'));
  await record();
  await expect(helm('install', 'open-local', CHART, ...PLACE)).rejects.toThrow(/invalid ownership metadata/);
  const taken = await helm('install', 'open-local', CHART, ...PLACE, '--take-ownership', '--force-conflicts');
  expect(taken).toContain('STATUS: deployed');
  expect(await get('lvol', 'data', '-o', 'name')).toContain('data');
});
