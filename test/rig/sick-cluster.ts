import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { createApiServer, type ApiServer } from '../../sandbox/apiserver/api-server.ts';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { LEASES } from '../../src/kube/lease/lease-record.ts';
import {
  CSI_NODES,
  CLAIMS,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  VOLUMES,
  type Resource,
} from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import { GIB, MIB } from '../../src/model/bytes.ts';
import { silentLog } from '../../src/model/log.ts';
import type { KubeObject, NodeLocalStorage } from '../../src/model/objects.ts';
import { DEFAULT_DRIVER, EXTENDER_CALLED, OPERATOR } from '../../src/model/well-known.ts';
import { ensureCertificates } from '../../src/operator/serving/keep-certificates.ts';
import { VERSION } from '../../src/version.ts';
import { diagnose } from '../../src/doctor/doctor.ts';
import { COMPONENT_PODS, SERVICES, SLICES } from '../../src/doctor/model/kinds.ts';
import type { Facts } from '../../src/doctor/model/facts.ts';
import type { Finding } from '../../src/doctor/model/finding.ts';
import { readCluster } from '../../src/doctor/read-cluster.ts';

/** A cluster in memory in which open-local is installed from deploy/, and all is well until a test breaks something. */
export interface SickCluster extends AsyncDisposable {
  readonly client: KubeClient;
  readonly api: ApiServer;
  readonly kubeconfig: string;
  /** Creates an object, and its status. `agoMs`: so long before now. */
  put<T extends KubeObject>(resource: Resource<T>, object: T, agoMs?: number): Promise<T>;
  /** Merges into an object, or into its status. */
  change(
    resource: Resource,
    key: { name: string; namespace?: string },
    body: object,
    subresource?: 'status',
  ): Promise<void>;
  /** Deletes an object so long before now. */
  deleteAgo(resource: Resource, key: { name: string; namespace?: string }, agoMs: number): Promise<void>;
  examine(): Promise<{ readonly facts: Facts; readonly findings: readonly Finding[] }>;
}

const never = new AbortController().signal;
const root = path.resolve(import.meta.dirname, '../..');
const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const NAMESPACE = 'open-local';
export const SERVICE = 'open-local-scheduler-extender';
const SECRET = 'open-local-extender-tls';

const read = (file: string): KubeObject[] =>
  parseAllDocuments(readFileSync(path.join(root, file), 'utf8')).map((each) => each.toJS() as KubeObject);

/** What `kubectl apply -k deploy` applies. */
function installation(): KubeObject[] {
  const [deploy, crds] = ['deploy/kustomization.yaml', 'crds/Kustomization'].map((file) => read(file)[0] as unknown);
  const filesOf = (kustomization: unknown, folder: string): string[] =>
    (kustomization as { resources: string[] }).resources
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => `${folder}/${name}`);
  return [...filesOf(crds, 'crds'), ...filesOf(deploy, 'deploy')].flatMap(read);
}

/** Every manifest of an installation but `without`, by `Kind/name`. */
export async function startSickCluster(...without: readonly string[]): Promise<SickCluster> {
  let shift = 0;
  const api = createApiServer({ now: () => Date.now() + shift });
  await api.listen();
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-doctor-'));
  const kubeconfig = path.join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test', timeoutMs: 5000 });
  const change: SickCluster['change'] = async (resource, key, body, subresource) => {
    await client.patch(resource, key, { type: 'merge', body }, never, subresource);
  };
  const cluster: SickCluster = {
    ...{ api, client, kubeconfig, change },
    put: async (resource, object, agoMs = 0) => {
      shift = -agoMs;
      const made = await client.create(resource, object, never);
      const { status } = object as { status?: object };
      const { name = '', namespace = '' } = object.metadata;
      if (status) await change(resource, { name, ...(resource.namespaced ? { namespace } : {}) }, { status }, 'status');
      shift = 0;
      return made;
    },
    deleteAgo: async (resource, key, agoMs) => {
      shift = -agoMs;
      await client.delete(resource, key, never);
      shift = 0;
    },
    examine: async () => {
      const facts = await readCluster(client, { version: VERSION, namespace: NAMESPACE, now: Date.now }, never);
      return { facts, findings: diagnose(facts) };
    },
    [Symbol.asyncDispose]: async () => {
      client.close();
      await api.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  const all = installation().filter(({ kind, metadata }) => !without.includes(`${kind}/${metadata.name}`));
  for (const object of all) api.load(object);
  await fill(cluster, folder, without);
  return cluster;
}

export const ready = (...names: readonly string[]) => ({
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: names.map((name) => ({ name, ready: true })),
});

export const componentPod = (name: string, component: string, node: string) => ({
  metadata: { name, namespace: NAMESPACE, labels: { 'app.kubernetes.io/component': component } },
  spec: { nodeName: node, containers: [{ name: component, image: 'open-local' }] },
  status: ready(component),
});

/** What programs would have written. */
async function fill(cluster: SickCluster, folder: string, without: readonly string[]): Promise<void> {
  const { client } = cluster;
  const put: SickCluster['put'] = (...given) => cluster.put(...given);
  await cluster.change(SERVICES, { namespace: NAMESPACE, name: SERVICE }, { spec: { clusterIP: '10.96.7.8' } });
  const certificates = { namespace: NAMESPACE, secret: SECRET, service: SERVICE, client: 'system:kube-scheduler' };
  const deps = { client, log: silentLog, date: () => new Date() };
  await ensureCertificates({ ...certificates, directory: path.join(folder, 'tls') }, deps, never);
  await put(LEASES, leaseOf({ [EXTENDER_CALLED]: new Date().toISOString() }), HOUR_MS);
  for (const name of ['operator-a', 'operator-b']) await put(COMPONENT_PODS, componentPod(name, 'operator', 'n1'));
  const labels = { 'kubernetes.io/service-name': SERVICE };
  const slice = { addressType: 'IPv4', ports: [], endpoints: [{ addresses: ['192.0.2.7'] }] };
  await put(SLICES, { metadata: { name: `${SERVICE}-leader`, namespace: NAMESPACE, labels }, ...slice });
  await put(COMPONENT_PODS, schedulerPod(['--config=/etc/kubernetes/open-local-scheduler.yaml']));
  await put(INIT_CONFIGS, {
    metadata: { name: 'open-local' },
    spec: { globalConfig: { listConfig: { vgs: { include: ['pool-.*'] } } } },
  });
  for (const name of ['n1', 'n2']) {
    await put(NODES, { metadata: { name } }, HOUR_MS);
    await put(NODE_LOCAL_STORAGES, storageOf(name));
    await put(COMPONENT_PODS, componentPod(`agent-${name}`, 'agent', name));
    await put(CSI_NODES, { metadata: { name }, spec: { drivers: [{ name: DEFAULT_DRIVER, nodeID: name }] } as never });
  }
  await put(CLAIMS, claimOf('data', { volumeName: 'pv-1' }, 'Bound'), HOUR_MS);
  await put(VOLUMES, volumeOf('pv-1', 'local-1', 'data'), HOUR_MS);
  if (without.includes('CustomResourceDefinition/localvolumes.csi.aliyun.com')) return;
  await put(LOCAL_VOLUMES, localVolume('local-1', 'data'), HOUR_MS);
}

export const leaseOf = (annotations: Record<string, string>, renewedMs = 0, acquiredMs = 3 * HOUR_MS) => ({
  metadata: { name: OPERATOR, namespace: NAMESPACE, annotations },
  spec: {
    holderIdentity: 'operator-a',
    leaseDurationSeconds: 15,
    acquireTime: new Date(Date.now() - acquiredMs).toISOString().replace('Z', '000Z'),
    renewTime: new Date(Date.now() - renewedMs).toISOString().replace('Z', '000Z'),
    leaseTransitions: 1,
  },
});

export const schedulerPod = (args: readonly string[], more: object = {}) => ({
  metadata: { name: 'kube-scheduler-cp', namespace: 'kube-system', labels: { component: 'kube-scheduler' } },
  spec: {
    hostNetwork: true,
    dnsPolicy: 'ClusterFirst',
    containers: [
      { name: 'kube-scheduler', image: 'registry.k8s.io/kube-scheduler:v1.36.3', command: ['kube-scheduler', ...args] },
    ],
    ...more,
  },
  status: ready('kube-scheduler'),
});

const GROUP = {
  name: 'pool-0',
  physicalVolumes: ['/dev/sdb'],
  logicalVolumes: [{ name: 'local-1', vgname: 'pool-0', total: GIB, condition: 'DiskReady' as const }],
  total: 100 * GIB,
  available: 99 * GIB,
  allocatable: 100 * GIB,
  extentSize: 4 * MIB,
  condition: 'DiskReady' as const,
  uuid: 'u',
};

/** A node's report; the volume is on n1. */
export function storageOf(name: string): NodeLocalStorage {
  const now = new Date().toISOString();
  const condition = {
    type: 'VolumeGroup/pool-0',
    status: 'True' as const,
    reason: 'Ready',
    message: '',
    lastTransitionTime: now,
  };
  const groups = name === 'n1' ? [GROUP] : [{ ...GROUP, logicalVolumes: [], available: 100 * GIB }];
  return {
    metadata: { name },
    spec: { nodeName: name, resourceToBeInited: { vgs: [{ name: 'pool-0', devices: ['/dev/sdb'] }] } },
    status: {
      nodeStorageInfo: {
        volumeGroups: groups,
        phase: 'Running',
        state: { type: 'DiskReady', status: 'True', lastHeartbeatTime: now, lastTransitionTime: now },
      },
      filteredStorageInfo: { volumeGroups: ['pool-0'] },
      conditions: [condition],
      host: {
        agentVersion: VERSION,
        kernel: '6.12.0',
        lvmetad: false,
        modules: { loadable: [], missing: [] },
        cgroup: { version: 2, io: true },
        kubeletFolder: '/var/lib/kubelet',
      },
    },
  };
}

export const claimOf = (name: string, spec: object = {}, phase: 'Pending' | 'Bound' | 'Lost' = 'Pending') => ({
  metadata: { name, namespace: 'default' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'open-local-lvm',
    resources: { requests: { storage: '1Gi' } },
    ...spec,
  },
  status: { phase },
});

export const volumeOf = (name: string, handle: string, claim: string) => ({
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '1Gi' },
    storageClassName: 'open-local-lvm',
    claimRef: { namespace: 'default', name: claim },
    csi: { driver: DEFAULT_DRIVER, volumeHandle: handle, volumeAttributes: { volumeType: 'LVM', vgName: 'pool-0' } },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] }] }],
      },
    },
  },
  status: { phase: 'Bound' },
});

export const localVolume = (name: string, claim: string, more: object = {}) => ({
  metadata: { name },
  spec: {
    ...{ nodeName: 'n1', kind: 'LVM' as const, vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' as const },
    claim: { namespace: 'default', name: claim },
  },
  status: { phase: 'Ready' as const, sizeBytes: GIB, ...more },
});

export const minutes = (count: number): number => count * MINUTE_MS;
