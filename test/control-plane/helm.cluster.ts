import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
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
  await kubectl(cluster, 'delete', 'crd', ...CRDS, '--ignore-not-found');
  await kubectl(cluster, 'delete', 'storageclass,csidriver', '--all');
  await kubectl(cluster, 'delete', 'daemonset', '--all', '-n', 'kube-system');
});

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

/** What of the existing open-local stands in the way: definitions, a class, its driver and its DaemonSet. */
async function openLocalIsThere(): Promise<void> {
  await kubectl(cluster, 'apply', '-k', path.join(CHECKOUT, 'crds'));
  const labels = { 'app.kubernetes.io/component': 'open-local-agent' };
  const container = { name: 'agent', image: 'openlocal/open-local:v0.8.0' };
  const objects = [
    {
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'open-local-lvm-io-throttle' } },
      ...{ provisioner: 'local.csi.aliyun.com', parameters: { volumeType: 'LVM' }, allowVolumeExpansion: true },
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    {
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'local.csi.aliyun.com' } },
      spec: { attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: ['Persistent', 'Ephemeral'] },
    },
    {
      ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'open-local-agent', namespace: 'kube-system' } },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
  ];
  const file = path.join(cluster.dir, 'existing.yaml');
  await writeFile(file, objects.map((object) => stringify(object)).join('---\n'));
  await kubectl(cluster, 'apply', '-f', file);
}

test("in place of the existing open-local: its agents go first, then its objects are the release's", async () => {
  await openLocalIsThere();
  const values = ['-f', path.join(CHECKOUT, 'test/deploy/values/open-local.yaml'), '--set=monitor.enabled=false'];
  const install = [
    'install',
    'open-local',
    CHART,
    '-n',
    'kube-system',
    '--take-ownership',
    '--force-conflicts',
    ...values,
  ];
  await expect(helm(...install)).rejects.toThrow(
    /DaemonSet kube-system\/open-local-agent is the existing open-local's: .* kubectl -n kube-system delete daemonset open-local-agent/,
  );
  await kubectl(cluster, 'delete', 'daemonset', 'open-local-agent', '-n', 'kube-system');
  const notes = await helm(...install);
  // Kubernetes changes no class's parameters, and the class must stay.
  expect(notes).toMatch(/storageclass\.lvm_throttle\.parameters: class open-local-lvm-io-throttle exists with others/);
  const parameters = await get('storageclass', 'open-local-lvm-io-throttle', '-o', 'jsonpath={.parameters}');
  expect(parameters).toBe('{"volumeType":"LVM"}');
  expect(await get('nlsc', 'open-local', '-o', 'jsonpath={.spec}')).toContain('/dev/vdb');
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
