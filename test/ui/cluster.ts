import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePorts } from '../../sandbox/cluster/free-port.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES, PODS, type Resource } from '../../src/kube/resource.ts';
import { GIB, MIB } from '../../src/model/bytes.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import { eventually } from '../rig/eventually.ts';
import { startOurApi } from '../rig/our-api.ts';

const never = new AbortController().signal;
const STATUS_OF: Readonly<Record<string, Resource>> = {
  LocalVolume: LOCAL_VOLUMES,
  NodeLocalStorage: NODE_LOCAL_STORAGES,
  Pod: PODS,
};

/** A cluster in memory with much in it, and the built operator, which serves its page. */
export interface UiCluster {
  readonly url: string;
  /** Of somebody who may see all, and of somebody who may see nodes alone. */
  readonly tokens: { readonly all: string; readonly nodes: string };
  put(...objects: readonly KubeObject[]): Promise<void>;
  stop(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, '../..');
export const NODES = 250;
export const VOLUMES = 1200;
export const HOSTILE = '<img src=x onerror="document.title=1">';

const ours = { apiVersion: 'csi.aliyun.com/v1alpha1' };
export const nodeName = (i: number): string => `worker-${String(i).padStart(3, '0')}`;

function objectsOf(i: number): KubeObject[] {
  const name = nodeName(i);
  const total = (i % 7 === 0 ? 400 : 800) * GIB;
  const sizes = Array.from({ length: VOLUMES }, (_, v) => v)
    .filter((v) => v % NODES === i)
    .map((v) => ({ v, size: (10 + (v % 13) * 5) * GIB }));
  const used = sizes.reduce((sum, { size }) => sum + size, 0);
  const group = i === 3 ? HOSTILE : 'open-local-pool-0';
  const volumes = sizes.map(({ v, size }) => ({
    name: `local-${v}`,
    vgname: group,
    total: size,
    condition: 'DiskReady',
  }));
  const vg = {
    ...{ name: group, physicalVolumes: ['/dev/nvme1n1'], total, available: total - used, allocatable: total },
    ...{ extentSize: 4 * MIB, logicalVolumes: volumes, condition: i === 5 ? 'DiskFault' : 'DiskReady' },
  };
  const disk = { name: '/dev/sdb', total: 1000 * GIB, mediaType: 'ssd', readOnly: false, condition: 'DiskReady' };
  const report = {
    volumeGroups: [vg],
    deviceInfo: [disk],
    state: { type: 'DiskReady', lastHeartbeatTime: new Date().toISOString() },
  };
  const annotations = i === 8 ? { 'csi.aliyun.com/storage-cordoned': '*' } : {};
  return [
    { apiVersion: 'v1', kind: 'Node', metadata: { name } },
    {
      ...{ ...ours, kind: 'NodeLocalStorage', metadata: { name, annotations }, spec: { nodeName: name } },
      status: {
        conditions: [],
        nodeStorageInfo: report,
        filteredStorageInfo: { volumeGroups: [group], devices: ['/dev/sdb'] },
      },
    } as never,
    ...sizes.map(({ v, size }) => volumeOf(v, name, 'open-local-pool-0', size)),
  ];
}

export function volumeOf(v: number, node: string, vgName: string, sizeBytes: number): KubeObject {
  const claim = { namespace: `team-${v % 5}`, name: `data-${v}` };
  const failed = { phase: 'Failed', sizeBytes, reason: 'GroupFaulty', message: `the group lacks a disk ${HOSTILE}` };
  return {
    ...{ ...ours, kind: 'LocalVolume', metadata: { name: `local-${v}` } },
    spec: { nodeName: node, kind: 'LVM', vgName, sizeBytes, role: 'Volume', claim },
    status: v === 42 ? failed : { phase: 'Ready', sizeBytes },
  } as never;
}

function waitingPod(i: number, storage: string): KubeObject[] {
  const [namespace, name] = [`team-${i % 5}`, `waits-${i}`];
  const claim = {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'open-local-lvm',
    resources: { requests: { storage } },
  };
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: name } }];
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0 nodes' };
  return [
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { namespace, name }, spec: claim } as never,
    {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name } },
      spec: { containers: [{ name: 'main', image: 'none' }], volumes },
      status: { phase: 'Pending', conditions: [condition] },
    } as never,
  ];
}

function rights(name: string, resources: readonly (readonly [group: string, resource: string])[]): KubeObject[] {
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } };
  const rules = resources.map(([group, resource]) => ({ apiGroups: [group], resources: [resource], verbs: ['list'] }));
  const subjects = [{ kind: 'ServiceAccount', name, namespace: 'default' }];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } },
    { ...rbac, kind: 'ClusterRole', rules } as never,
    { ...rbac, kind: 'ClusterRoleBinding', roleRef: { kind: 'ClusterRole', name }, subjects } as never,
  ];
}

const GROUP = 'csi.aliyun.com';
const ALL = [
  [GROUP, 'nodelocalstorages'],
  [GROUP, 'localvolumes'],
  ['', 'pods'],
  ['storage.k8s.io', 'storageclasses'],
] as const;

export async function startUiCluster(): Promise<UiCluster> {
  const server = await startOurApi();
  const { api, client, folder } = server;
  for (let i = 0; i < NODES; i += 1) await put(...objectsOf(i));
  for (let i = 0; i < 5; i += 1) await put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `team-${i}` } });
  const parameters = { volumeType: 'LVM' };
  await put({
    ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'open-local-lvm' } },
    ...{ provisioner: 'local.csi.aliyun.com', parameters, volumeBindingMode: 'WaitForFirstConsumer' },
  });
  for (let i = 0; i < 3; i += 1) await put(...waitingPod(i, `${1 + i}Ti`));
  await put(...rights('sees-all', ALL), ...rights('sees-nodes', ALL.slice(0, 1)));
  const [page = 0] = await freePorts(1);
  const log = path.join(folder, 'operator.log');
  const flags = [
    `--kubeconfig=${path.join(folder, 'kubeconfig')}`,
    `--page-listen=127.0.0.1:${page}`,
    '--no-leader-election',
  ];
  const off = ['--extender-listen=none', '--csi-endpoint=none', '--metrics-listen=none', '--namespace=default'];
  const operator = spawn(process.execPath, [path.join(root, 'dist/open-local.cjs'), 'operator', ...flags, ...off], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  operator.stderr?.on('data', (text: Buffer) => writeFileSync(log, text, { flag: 'a' }));
  const tokens = { all: await tokenOf('sees-all'), nodes: await tokenOf('sees-nodes') };
  const url = `http://127.0.0.1:${page}/`;
  await eventually(async () => {
    const answer = await fetch(`${url}api/overview`, { headers: { authorization: `Bearer ${tokens.all}` } });
    const { nodes } = (await answer.json()) as { nodes?: { count: number } };
    if (nodes?.count !== NODES) throw new Error('not read yet');
  });
  return {
    ...{ url, tokens, put },
    stop: async () => {
      operator.kill('SIGTERM');
      if (operator.exitCode === null) await once(operator, 'exit');
      await server.close();
    },
  };

  /** Creates, and then writes the status, which a server takes apart. */
  async function put(...objects: readonly KubeObject[]): Promise<void> {
    api.load(...objects);
    for (const object of objects) {
      const resource = STATUS_OF[object.kind ?? ''];
      const { name = '', namespace } = object.metadata;
      const body = { status: (object as { status?: object }).status };
      if (resource && body.status)
        await client.patch(resource, { name, namespace }, { type: 'merge', body }, never, 'status');
    }
  }

  async function tokenOf(name: string): Promise<string> {
    const [, address] = /server: "?([^\s"]+)/.exec(api.kubeconfig()) ?? [];
    const answer = await fetch(`${address}/api/v1/namespaces/default/serviceaccounts/${name}/token`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: {} }),
    });
    return ((await answer.json()) as { status: { token: string } }).status.token;
  }
}
