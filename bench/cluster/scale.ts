// What open-local costs a real API server as the cluster grows: `make bench-scale` (QUICK=1 for small sizes). Writes
// docs/scale.svg. Needs Go, for the real control plane.
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import {
  CLAIMS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUMES,
  type Resource,
} from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import { GIB } from '../../src/model/bytes.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import { present } from '../../src/model/present.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import { startCluster, type Cluster } from '../../test/control-plane/cluster/cluster.ts';
import { buildProgram } from '../../test/control-plane/cluster/program.ts';
import { applyFolder } from '../../test/control-plane/system/deployed.ts';
import { chart } from '../chart.ts';
import { nodeName, POD_NAMESPACE } from '../half-full-cluster.ts';
import * as objects from '../objects.ts';
import { ms, say, table, writeResult } from '../report.ts';
import { startOperator } from './operator.ts';
import { putInto, type StoredObject } from './put-into.ts';
import { cpuMsIn, rssMbIn } from './process.ts';

const quick = process.argv.includes('--quick');
const SIZES = quick ? [50, 100] : [500, 1000, 2000, 5000];
const PODS_PER_NODE = 20;
const EVENTS = quick ? 100 : 1000;
const QUIET_MS = quick ? 5000 : 30_000;
const CALM_MS = 5000;
const AT_ONCE = 16;
/** No larger size is begun after this: what it takes to make it grows with the size. */
const NO_MORE_AFTER_MS = 1_500_000;
const signal = AbortSignal.timeout(3_600_000);

interface Row {
  readonly nodes: number;
  readonly objects: number;
  readonly loadBefore: number;
  readonly start: { readonly readySeconds: number; readonly operatorCpuMs: number; readonly apiServerCpuMs: number };
  /** CPU ms in each second in which nothing happens. */
  readonly quiet: Costs;
  /** CPU ms of one change of a volume's status. */
  readonly event: Costs;
  readonly rssMb: Readonly<Record<string, number>>;
}

type Costs = Readonly<Record<'operator' | 'apiServer' | 'etcd', number>>;

const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
const PROGRAMS = { operator: 'open-local operator', apiServer: 'kube-apiserver', etcd: 'etcd' } as const;

const admission = 'ServiceAccount,StorageObjectInUseProtection,TaintNodesByCondition';
await using program = await buildProgram();
const cluster = await startCluster({ flags: { 'kube-apiserver': [`--disable-admission-plugins=${admission}`] } });
const client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'bench' });
const rows: Row[] = [];
try {
  await applyFolder(cluster, 'crds');
  await client.create(NAMESPACES, { metadata: { name: POD_NAMESPACE } }, signal);
  await client.create<KubeObject>(STORAGE_CLASSES, bare(objects.storageClass), signal);
  let made = 0;
  for (const nodes of SIZES) {
    if (performance.now() > NO_MORE_AFTER_MS) {
      say(`${nodes} nodes are left out: the time is over`);
      break;
    }
    const began = performance.now();
    await putInto(cluster.etcd, objectsOf(made, nodes), signal);
    await untilCalm(cluster);
    say(`${countOf(nodes)} objects are there; the last ${countOf(nodes - made)} took ${seconds(began)} s`);
    made = nodes;
    rows.push(await measure(cluster, program.file, nodes));
    say(rowsTable());
    await keep();
  }
} finally {
  client.close();
  await cluster.stop();
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1000);
}

/** A Node and its report; for each volume LocalVolume, claim and PersistentVolume; pods. */
function countOf(nodes: number): number {
  return nodes * (2 + 3 * objects.VOLUMES_PER_NODE + PODS_PER_NODE);
}

/** As somebody writes it who creates it: without what the API server adds. */
function bare(object: object): KubeObject {
  const { metadata, ...rest } = object as KubeObject;
  const { name, namespace, labels, annotations, finalizers } = metadata;
  return { ...rest, metadata: present({ name, namespace, labels, annotations, finalizers }) };
}

/** What nodes from `from` to `to` − 1 have. */
function* objectsOf(from: number, to: number): Generator<StoredObject> {
  for (const node of range(from, to)) {
    yield { resource: NODES, object: objects.nodeAt(node) };
    yield { resource: NODE_LOCAL_STORAGES, object: objects.storageAt(node) };
    for (const volume of range(node * objects.VOLUMES_PER_NODE, (node + 1) * objects.VOLUMES_PER_NODE)) {
      yield { resource: LOCAL_VOLUMES, object: objects.volumeAt(volume) };
      yield { resource: CLAIMS, object: objects.claimAt(volume) };
      yield { resource: VOLUMES, object: objects.pvAt(volume) };
    }
    for (const pod of range(node * PODS_PER_NODE, (node + 1) * PODS_PER_NODE)) {
      // Every second pod has a volume, of its own node.
      const mine = pod % 2 === 0 ? pod / 2 : Number.MAX_SAFE_INTEGER;
      const whole = objects.podAt(mine, { nodes: 1, volumes: mine + 1 }) as KubeObject & { readonly spec: object };
      const metadata = { ...whole.metadata, name: `web-${pod}`, namespace: POD_NAMESPACE };
      yield { resource: PODS, object: { ...whole, metadata, spec: { ...whole.spec, nodeName: nodeName(node) } } };
    }
  }
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Until the API server has heard of what was put into etcd and is done with it: it uses a tenth of a core, or less. */
async function untilCalm(cluster: Cluster): Promise<void> {
  for (let before = await cpu(cluster); ;) {
    await delay(CALM_MS, undefined, { signal });
    const after = await cpu(cluster);
    if (after.apiServer - before.apiServer < CALM_MS / 10) return;
    before = after;
  }
}

async function measure(cluster: Cluster, openLocal: string, nodes: number): Promise<Row> {
  const loadBefore = loadavg()[0] ?? 0;
  const before = await cpu(cluster);
  const began = performance.now();
  const operator = await startOperator(cluster, openLocal);
  try {
    const readySeconds = (performance.now() - began) / 1000;
    const ready = await cpu(cluster);
    await delay(QUIET_MS);
    const settled = await cpu(cluster);
    const from = performance.now();
    await delay(QUIET_MS);
    const later = await cpu(cluster);
    const quiet = costs(settled, later, (performance.now() - from) / 1000);
    const changes = await cpu(cluster);
    await changeVolumes(nodes);
    // What was written last is heard of a moment later.
    await delay(1000);
    const event = costs(changes, await cpu(cluster), EVENTS);
    return {
      nodes,
      objects: countOf(nodes),
      loadBefore,
      start: {
        readySeconds,
        operatorCpuMs: ready.operator,
        apiServerCpuMs: ready.apiServer - before.apiServer,
      },
      quiet,
      event,
      rssMb: await rssMbIn(cluster.dir),
    };
  } finally {
    await operator.stop();
  }
}

async function cpu({ dir }: Cluster): Promise<Costs> {
  const all = await cpuMsIn(dir);
  return {
    operator: all[PROGRAMS.operator] ?? 0,
    apiServer: all[PROGRAMS.apiServer] ?? 0,
    etcd: all[PROGRAMS.etcd] ?? 0,
  };
}

function costs(before: Costs, after: Costs, count: number): Costs {
  const of = (name: keyof Costs): number => (after[name] - before[name]) / count;
  return { operator: of('operator'), apiServer: of('apiServer'), etcd: of('etcd') };
}

async function changeVolumes(nodes: number): Promise<void> {
  const all = nodes * objects.VOLUMES_PER_NODE;
  await forEachOf(range(0, EVENTS), AT_ONCE, async (i) => {
    const name = objects.volumeName((i * 7919) % all);
    const body = { status: { sizeBytes: GIB + i } };
    await client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, signal, 'status');
  });
}

function rowsTable(): string {
  const head = [
    ...['nodes', 'objects', 'load', 'ready s', 'CPU s: operator', 'API server', 'RSS MB: operator', 'API server'],
    ...['etcd', 'CPU ms/s at rest: operator', 'API server', 'CPU ms an event: operator', 'API server', 'etcd'],
  ];
  return table(
    head,
    rows.map(({ nodes, objects, loadBefore, start, quiet, event, rssMb }) => [
      ...[nodes, objects, loadBefore.toFixed(1), start.readySeconds.toFixed(1)],
      ...[start.operatorCpuMs / 1000, start.apiServerCpuMs / 1000].map((value) => value.toFixed(1)),
      ...Object.values(PROGRAMS).map((name) => Math.round(rssMb[name] ?? 0)),
      ...[quiet.operator, quiet.apiServer, event.operator, event.apiServer, event.etcd].map(ms),
    ]),
  );
}

/** Of every size, so that a run that is cut leaves what it had. */
async function keep(): Promise<void> {
  const perNode = { podsPerNode: PODS_PER_NODE, volumesPerNode: objects.VOLUMES_PER_NODE };
  await writeResult('scale-real', { quick, ...perNode, rows });
  if (!quick && rows.length > 1) await draw();
}

async function draw(): Promise<void> {
  const line = (label: string, color: string, name: string) => ({
    ...{ label, color },
    points: rows.map(({ nodes, rssMb }) => [nodes, rssMb[name] ?? 0] as const),
  });
  const svg = chart({
    title: 'Memory by size of the cluster: 10 volumes and 20 pods a node',
    x: 'nodes',
    y: 'resident memory, MB',
    lines: [
      line('operator', '#2da44e', PROGRAMS.operator),
      line('kube-apiserver', '#0969da', PROGRAMS.apiServer),
      line('etcd', '#bf8700', PROGRAMS.etcd),
    ],
  });
  await writeFile(path.join(import.meta.dirname, '../../docs/scale.svg'), svg);
}
