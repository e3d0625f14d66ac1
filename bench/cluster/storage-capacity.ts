// What CSIStorageCapacity objects cost kube-scheduler: `npm run node -- bench/cluster/storage-capacity.ts [NODES…]`.
// Needs Go, for the real control plane.
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { CSI_DRIVERS, STORAGE_CAPACITIES, STORAGE_CLASSES } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import { DEFAULT_DRIVER, TOPOLOGY_KEY } from '../../src/model/well-known.ts';
import type { CsiStorageCapacity, LabelSelector } from '../../src/model/objects.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import { startCluster, type Cluster } from '../../test/control-plane/cluster/cluster.ts';
import { applyFolder } from '../../test/control-plane/system/deployed.ts';
import { CLASS, runBurst } from './bursts.ts';
import { deleteAll } from './api.ts';
import { makeNodes, nodeAt } from './nodes.ts';
import { say } from '../report.ts';

const AT_ONCE = 40;
const PODS = { pods: 60, warmUp: 10, claims: 1, extenders: [] } as const;
const never = new AbortController().signal;

/** Objects of one case: classes beside the one that is asked for, and nodes. */
const CASES: readonly (readonly [string, (nodes: number) => CsiStorageCapacity[]])[] = [
  ['one object for all nodes', () => [capacity('all', {})]],
  ['one object, all nodes but 100', (nodes) => [capacity('all', allBut(Math.min(100, nodes / 2)))]],
  ['an object per node, one class', (nodes) => each(nodes, CLASS)],
  ['an object per node, 5 classes', (nodes) => [CLASS, 'b', 'c', 'd', 'e'].flatMap((name) => each(nodes, name))],
];

const capacity = (name: string, nodeTopology: LabelSelector, storageClassName = CLASS): CsiStorageCapacity => ({
  metadata: { namespace: 'default', name: `${storageClassName}-${name}` },
  storageClassName,
  nodeTopology,
  maximumVolumeSize: '1Ti',
});
const each = (nodes: number, storageClass: string): CsiStorageCapacity[] =>
  Array.from({ length: nodes }, (_, i) =>
    capacity(nodeAt(i), { matchLabels: { [TOPOLOGY_KEY]: nodeAt(i) } }, storageClass),
  );
const allBut = (count: number): LabelSelector => ({
  matchExpressions: [
    { key: TOPOLOGY_KEY, operator: 'NotIn', values: Array.from({ length: count }, (_, i) => nodeAt(i)) },
  ],
});

async function measure(cluster: Cluster, client: KubeClient, nodes: number): Promise<void> {
  const tell = async (name: string): Promise<void> => {
    const { podsPerSecond, scheduler, load } = await runBurst({ ...PODS, cluster, client });
    const filter = scheduler.points['Filter'] ?? 0;
    const figures = `${podsPerSecond.toFixed(1)} pods/s, decides in ${scheduler.algorithm.toFixed(1)} ms, CPU ${scheduler.cpu.toFixed(1)} ms`;
    say(`${nodes} nodes, ${name}: ${figures} a pod; Filter ${filter.toFixed(1)} ms (load ${load.toFixed(1)})`);
  };
  const drive = (storageCapacity: boolean): Promise<unknown> =>
    client.patch(CSI_DRIVERS, { name: DEFAULT_DRIVER }, { type: 'merge', body: { spec: { storageCapacity } } }, never);
  await drive(false);
  await tell('no capacity is looked at');
  await drive(true);
  for (const [name, objects] of CASES) {
    await forEachOf(
      objects(nodes),
      AT_ONCE,
      async (object) => void (await client.create(STORAGE_CAPACITIES, object, never)),
    );
    await tell(name);
    await deleteAll(cluster, '/apis/storage.k8s.io/v1/namespaces/default/csistoragecapacities');
  }
}

const sizes = process.argv.slice(2).map(Number);
const admission = 'ServiceAccount,StorageObjectInUseProtection,TaintNodesByCondition';
const cluster = await startCluster({
  flags: { 'kube-apiserver': [`--disable-admission-plugins=${admission}`, '--delete-collection-workers=20'] },
});
const client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'bench' });
try {
  await applyFolder(cluster, 'crds');
  const driver = { metadata: { name: DEFAULT_DRIVER }, spec: { storageCapacity: true } };
  await client.create(CSI_DRIVERS, driver, never);
  const binding = { volumeBindingMode: 'WaitForFirstConsumer', parameters: { volumeType: 'LVM' } } as const;
  await client.create(STORAGE_CLASSES, { metadata: { name: CLASS }, provisioner: DEFAULT_DRIVER, ...binding }, never);
  let made = 0;
  for (const nodes of sizes.length > 0 ? sizes : [100, 1000, 5000]) {
    await makeNodes(client, made, nodes);
    made = nodes;
    await measure(cluster, client, nodes);
  }
} finally {
  client.close();
  await cluster.stop();
}
