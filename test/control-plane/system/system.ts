import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { silentLog } from '../../../src/model/log.ts';
import { run } from '../../../src/exec/run.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { loadKubeconfig } from '../../../src/kube/access/kubeconfig.ts';
import { INIT_CONFIGS } from '../../../src/kube/resource.ts';
import { createKubeClient } from '../../../src/kube/rest/rest-client.ts';
import type { InitConfig } from '../../../src/model/objects.ts';
import type { Stores } from '../../../sandbox/controllers/deps.ts';
import { openStores } from '../../../sandbox/controllers/stores.ts';
import { makeCertificate } from '../cluster/certificates.ts';
import { startCluster, type Cluster } from '../cluster/cluster.ts';
import { kubectl, serviceAccountKubeconfig } from '../cluster/identities.ts';
import { freePorts } from '../../../sandbox/cluster/free-port.ts';
import { CHECKOUT } from '../cluster/program.ts';
import { CONTROL_PLANE, runPodsAsProcesses } from './pod-processes.ts';
import { useAsPrinted } from './printed-config.ts';
import { asDeployed, SIDECARS, startReplica, WITH_SNAPSHOTTER, type Replica } from './replica.ts';
import { applySnapshotKinds, startSnapshotController } from './snapshots.ts';
import { createService, type FakeService } from './fake-service.ts';
import { supervise, type Supervised } from '../cluster/supervised.ts';
import { until } from '../cluster/until.ts';
import { tell } from '../cluster/tell.ts';

/** Simulated nodes of one process. */
export interface NodeGroup {
  readonly prefix: string;
  readonly count: number;
  /** Disks as in `sandbox --disks`; /dev/sdb becomes the volume group open-local-pool-0. */
  readonly disks: string;
}

export interface SystemOptions {
  readonly openLocal: string;
  readonly groups: readonly NodeGroup[];
  readonly replicas?: 1 | 2;
  /** The operators are the pods of the Deployment, on two nodes of a control plane (pod-processes.ts). */
  readonly asPods?: boolean;
  /** Additional fields of the extender in the scheduler's configuration. */
  readonly extender?: Readonly<Record<string, unknown>>;
  /** Flags of the operator in addition to those of deploy/. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  /**
   * The cluster has snapshots: their kinds, snapshot-controller, and examples/with-snapshots in place of deploy/; with
   * the kinds of group snapshots or without.
   */
  readonly snapshots?: boolean | 'with groups';
  /** As of ClusterOptions. */
  readonly audit?: boolean;
  /** As of ClusterOptions. */
  readonly realNodes?: boolean;
}

/** A cluster with open-local on this machine. */
export interface System {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  /** Objects of the API server. */
  readonly stores: Stores;
  readonly replicas: readonly Replica[];
  readonly extender: FakeService;
  /** One process for each group of nodes. */
  readonly nodes: readonly Supervised[];
  /** Finds the replica that serves. */
  leader(): Replica;
  kubectl(...args: readonly string[]): Promise<string>;
  /** Reads everything that the processes of this name wrote. */
  log(name: string): Promise<string>;
  stop(): Promise<void>;
}

export const POOL = 'open-local-pool-0';
const START_MS = 60_000;
/** The other nodes are simulated, and run no processes. */
const ONLY_ON_CONTROL_PLANE = [
  ...['patch', 'deployment', 'open-local-operator', '-n', 'open-local', '--patch'],
  JSON.stringify({ spec: { template: { spec: { nodeSelector: { [CONTROL_PLANE]: '' } } } } }),
];
const never = new AbortController().signal;

/**
 * Starts the cluster with the RBAC, arguments and TLS of deploy/, and waits until every node has reported its volume
 * group.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { groups, extender: extenderFields = {} } = options;
  await using started = new AsyncDisposableStack();
  const ports = options.asPods ? [] : await freePorts(2 * (options.replicas ?? 2));
  const addresses = Array.from({ length: ports.length / 2 }, (_, i) => ({
    extenderPort: ports[2 * i] ?? 0,
    metricsPort: ports[2 * i + 1] ?? 0,
  }));
  const replicas: Replica[] = [];
  const extender = started.use(await createService(replicas));
  const cluster = await startCluster({
    extenders: [{ ...extenderOf(extender.port), ...extenderFields }],
    audit: options.audit ?? false,
    realNodes: options.realNodes ?? false,
  });
  started.defer(() => cluster.stop());
  tell(`logs: ${cluster.dir}`);
  const ends = await deploy(cluster, options);
  started.defer(async () => void (await Promise.all(ends.map((part) => part.stop()))));
  await cluster.startComponent('kube-controller-manager');
  await cluster.startComponent('kube-scheduler');
  // Pods are refused (403) until the default ServiceAccount exists; on a busy machine its controller can be late.
  await kubectl(cluster, 'wait', '--for=create', 'serviceaccount/default', '--timeout=60s');

  const client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'test' });
  started.defer(() => client.close());
  const watching = new AbortController();
  started.defer(() => watching.abort());
  const stores = await openStores(client, silentLog, watching.signal);
  await client.create(INIT_CONFIGS, INIT_CONFIG, never);

  await extender.follow(client);

  const tlsDir = await tlsFiles(cluster);
  const kubeconfig = await serviceAccountKubeconfig(cluster, 'open-local-operator');
  started.defer(async () => void (await Promise.all(replicas.map((replica) => replica.stop()))));
  const { openLocal, flags = {}, snapshots } = options;
  const sidecars = snapshots ? WITH_SNAPSHOTTER : SIDECARS;
  for (const [i, address] of addresses.entries()) {
    const name = `operator-${i}`;
    const replica = { openLocal, kubeconfig, name, tlsDir, flags, sidecars, ...address, ...asDeployed(name) };
    replicas.push(await startReplica(cluster, replica));
  }
  if (options.asPods)
    started.use(await runPodsAsProcesses({ cluster, client, stores, replicas, openLocal, kubeconfig }));
  const nodes = groups.map((group) => joinGroup(cluster, options.openLocal, group));
  started.defer(async () => void (await Promise.all(nodes.map((node) => node.stop()))));
  await extender.untilReady(START_MS);
  if (options.asPods) await useAsPrinted(cluster, openLocal, extender.port);
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  await until('every node has reported its volume group', [stores.nodeStorages], START_MS, () => {
    const reported = stores.nodeStorages.list().filter(({ status }) => status?.nodeStorageInfo?.volumeGroups?.length);
    return reported.length >= count;
  });

  const kept = started.move();
  return {
    cluster,
    client,
    stores,
    replicas,
    extender,
    nodes,
    leader: () => {
      const ready = extender.ready();
      const replica = replicas.find(({ port }) => port === ready?.port);
      if (!replica) throw new Error('no replica is ready');
      return replica;
    },
    kubectl: (...args) => kubectl(cluster, ...args),
    log: (name) => readFile(path.join(cluster.dir, `${name}.log`), 'utf8'),
    stop: () => kept.disposeAsync(),
  };
}

/** The extender as `open-local scheduler-config` prints it, at this port, with certificates of the test. */
const extenderOf = (port: number): Readonly<Record<string, unknown>> => ({
  urlPrefix: `https://127.0.0.1:${port}/scheduler`,
  filterVerb: 'filter',
  preemptVerb: 'preempt',
  prioritizeVerb: 'prioritize',
  weight: 10,
  enableHTTPS: true,
  nodeCacheCapable: true,
  ignorable: false,
  httpTimeout: '5s',
  tlsConfig: { certFile: 'kube-scheduler.crt', keyFile: 'kube-scheduler.key', caFile: 'ca.crt' },
});

/**
 * Applies deploy/ as a person would, with snapshots or without, and takes out what no kubelet here can run. Returns
 * what runs besides.
 */
async function deploy(cluster: Cluster, { snapshots, asPods }: SystemOptions): Promise<readonly Supervised[]> {
  if (snapshots) await applySnapshotKinds(cluster, { groups: snapshots === 'with groups' });
  await kubectl(cluster, 'apply', '-k', path.join(CHECKOUT, snapshots ? 'examples/with-snapshots' : 'deploy'));
  const without = asPods ? ['daemonset'] : ['deployment', 'daemonset'];
  await kubectl(cluster, 'delete', without.join(','), '--all', '-n', 'open-local');
  await kubectl(cluster, 'wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  if (asPods) await kubectl(cluster, ...ONLY_ON_CONTROL_PLANE);
  return snapshots ? [startSnapshotController(cluster)] : [];
}

async function tlsFiles(cluster: Cluster): Promise<string> {
  const dir = path.join(cluster.dir, 'tls');
  await mkdir(dir);
  await makeCertificate(cluster.dir, 'extender', '/CN=open-local-extender');
  for (const [from, to] of [
    ['extender.crt', 'tls.crt'],
    ['extender.key', 'tls.key'],
    ['ca.crt', 'ca.crt'],
  ] as const)
    await copyFile(path.join(cluster.dir, from), path.join(dir, to));
  return dir;
}

function joinGroup(cluster: Cluster, openLocal: string, { prefix, count, disks }: NodeGroup): Supervised {
  const flags = [`--nodes=${count}`, `--node-prefix=${prefix}`, `--disks=${disks}`, '--no-remove'];
  const directory = `--directory=${path.join(cluster.dir, 'n')}`;
  return supervise(cluster.dir, `nodes-${prefix}`, [
    ...[openLocal, 'sandbox', `--kubeconfig=${cluster.admin}`, directory],
    ...flags,
  ]);
}

const INIT_CONFIG: InitConfig = {
  apiVersion: 'csi.aliyun.com/v1alpha1',
  kind: 'NodeLocalStorageInitConfig',
  metadata: { name: 'open-local' },
  spec: {
    globalConfig: {
      listConfig: { vgs: { include: ['open-local-pool-[0-9]+'] }, devices: { include: ['/dev/sd[c-z]'] } },
      resourceToBeInited: { vgs: [{ name: POOL, devices: ['/dev/sdb'] }] },
    },
  },
};
