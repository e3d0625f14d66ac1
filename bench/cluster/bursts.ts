import { loadavg } from 'node:os';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { whenAborted } from '../../src/wait/abort.ts';
import { silentLog } from '../../src/model/log.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { createInformer } from '../../src/kube/follow/informer.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import type { PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import type { Cluster } from '../../test/control-plane/cluster/cluster.ts';
import { end, start } from '../../test/control-plane/cluster/processes.ts';
import { freePorts } from '../../sandbox/cluster/free-port.ts';
import { deleteAll, textAt } from './api.ts';
import { bindClaims } from './binder.ts';
import { cpuMsOf } from './process.ts';
import { parsePage, sumOf, type Page } from './prometheus.ts';

/**
 * A burst of pods through a real kube-scheduler, which starts when all pods exist, so that creating them is not
 * measured.
 */

export interface BurstOptions {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  /** Value of `extenders` in the scheduler's configuration. */
  readonly extenders: readonly unknown[];
  /** Pods that are measured. */
  readonly pods: number;
  /** Pods that are scheduled before, so that no process is cold. */
  readonly warmUp: number;
  readonly claims: 0 | 1;
  /** CPU time of the extender so far, in ms. */
  readonly extenderCpuMs?: () => Promise<number>;
}

export interface BurstResult {
  /** Pods scheduled per second, from the last of the warm-up to the last of all. */
  readonly podsPerSecond: number;
  /** Scheduler's time per pod, ms. */
  readonly scheduler: {
    /** Time to decide for one pod, extenders included: scheduler_scheduling_algorithm_duration_seconds. */
    readonly algorithm: number;
    /** Part of that time outside plug-ins: the extender, and the scheduler's snapshot of the cluster. */
    readonly outsidePlugins: number;
    /** scheduler_framework_extension_point_duration_seconds. */
    readonly points: Readonly<Record<string, number>>;
    readonly cpu: number;
  };
  /** CPU time of the extender's process per pod in ms, handling of watch events included; 0 without an extender. */
  readonly extenderCpu: number;
  /** Load average of the machine over the minute before. */
  readonly load: number;
}

const AT_ONCE = 40;
const GIVE_UP_MS = 300_000;
const NAMESPACE = 'default';
export const CLASS = 'bench-lvm';
const never = new AbortController().signal;
const POINTS = ['PreFilter', 'Filter', 'PostFilter', 'PreScore', 'Score', 'Reserve', 'Permit', 'PreBind', 'Bind'];
/** Extension points that are part of deciding; PostFilter is left out, since it serves pods that fit nowhere. */
const DECIDING = ['PreFilter', 'Filter', 'PostFilter', 'PreScore', 'Score'];

/** Makes the pods, starts a scheduler, waits until all have a node, and removes everything again. */
export async function runBurst(options: BurstOptions): Promise<BurstResult> {
  const { cluster, client, pods, warmUp, claims, extenderCpuMs = async () => 0 } = options;
  const load = loadavg()[0] ?? 0;
  const names = Array.from({ length: pods + warmUp }, (_, i) => `pod-${i}`);
  await makePods(client, names, claims);
  const ending = new AbortController();
  const giveUp = AbortSignal.timeout(GIVE_UP_MS);
  const signal = AbortSignal.any([ending.signal, giveUp]);
  const binding = claims > 0 ? bindClaims(client, signal) : Promise.resolve();
  const times = watchBound(client, names.length, signal);
  const scheduler = await startScheduler(options);
  try {
    const before = await extenderCpuMs();
    const at = await times;
    const page = parsePage(await textAt(scheduler.metrics));
    const cpu = await cpuMsOf(scheduler.process);
    const seconds = ((at.at(-1) ?? 0) - (at[warmUp - 1] ?? 0)) / 1000;
    const extenderCpu = ((await extenderCpuMs()) - before) / names.length;
    return { podsPerSecond: pods / seconds, scheduler: schedulerShare(page, cpu / names.length), extenderCpu, load };
  } finally {
    ending.abort();
    await end(scheduler.process);
    await binding;
    await removeAll(cluster, claims);
  }
}

async function makePods(client: KubeClient, names: readonly string[], claims: 0 | 1): Promise<void> {
  await forEachOf(names, AT_ONCE, async (name) => {
    const volumes = claims > 0 ? [{ name: 'data', persistentVolumeClaim: { claimName: name } }] : [];
    if (claims > 0) await client.create(CLAIMS, claimNamed(name), never);
    const containers = [{ name: 'main', image: 'none', resources: { requests: { cpu: '10m' } } }];
    await client.create(PODS, { metadata: { namespace: NAMESPACE, name }, spec: { containers, volumes } }, never);
  });
}

const claimNamed = (name: string): PersistentVolumeClaim => ({
  metadata: { namespace: NAMESPACE, name },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: CLASS, resources: { requests: { storage: '1Gi' } } },
});

/** Times at which pods were seen to have a node, in order; ms. */
async function watchBound(client: KubeClient, count: number, signal: AbortSignal): Promise<number[]> {
  const bound = createInformer<Pod, string>({
    client,
    resource: PODS,
    selection: { namespace: NAMESPACE, fieldSelector: 'spec.nodeName!=' },
    project: ({ metadata }) => metadata.name ?? '',
    log: silentLog,
  });
  const at = new Map<string, number>();
  const { promise, resolve } = Promise.withResolvers<void>();
  bound.subscribe({
    changed: (name) => {
      at.set(name, at.get(name) ?? performance.now());
      if (at.size === count) resolve();
    },
  });
  void bound.run(signal);
  await Promise.race([promise, whenAborted(signal)]);
  if (at.size < count) throw new Error(await whyWaiting(client, count - at.size));
  return [...at.values()].toSorted((a, b) => a - b);
}

/** Describes one of the pods without a node, and what the scheduler and the binder did for it. */
async function whyWaiting(client: KubeClient, count: number): Promise<string> {
  const of = { namespace: NAMESPACE, fieldSelector: 'spec.nodeName=' };
  const pod = (await client.list(PODS, of, never)).items[0];
  const claims = await client.list(CLAIMS, { namespace: NAMESPACE }, never);
  const claim = claims.items.find(({ metadata }) => metadata.name === pod?.metadata.name);
  const seen = JSON.stringify({ conditions: pod?.status?.conditions, claim: claim?.metadata, spec: claim?.spec });
  return `${count} pods were given no node in time; one is ${pod?.metadata.name}: ${seen}`;
}

async function startScheduler({ cluster, extenders }: BurstOptions) {
  const [port = 0] = await freePorts(1);
  const file = path.join(cluster.dir, 'bench-scheduler.json');
  const config = {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    clientConnection: { kubeconfig: path.join(cluster.dir, 'kube-scheduler.kubeconfig'), qps: 5000, burst: 5000 },
    extenders,
  };
  await writeFile(file, JSON.stringify(config));
  const serving = ['--secure-port', String(port), '--bind-address', '127.0.0.1'];
  const open = ['--authorization-always-allow-paths', '/metrics'];
  const argv = [cluster.binary('kube-scheduler'), '--config', file, ...serving, ...open];
  return { process: start(cluster.dir, 'bench-scheduler', argv), metrics: `https://127.0.0.1:${port}/metrics` };
}

function schedulerShare(page: Page, cpu: number): BurstResult['scheduler'] {
  const mean = (name: string, labels = {}): number =>
    (1000 * sumOf(page, `${name}_sum`, labels)) / Math.max(1, sumOf(page, `${name}_count`, labels));
  const points = Object.fromEntries(
    POINTS.map((point) => [
      point,
      mean('scheduler_framework_extension_point_duration_seconds', { extension_point: point }),
    ]),
  );
  const algorithm = mean('scheduler_scheduling_algorithm_duration_seconds');
  const inPlugins = DECIDING.reduce((sum, point) => sum + (points[point] ?? 0), 0);
  return { algorithm, outsidePlugins: algorithm - inPlugins, points, cpu };
}

async function removeAll(cluster: Cluster, claims: 0 | 1): Promise<void> {
  await deleteAll(cluster, `/api/v1/namespaces/${NAMESPACE}/pods`);
  if (claims === 0) return;
  await deleteAll(cluster, `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`);
  await deleteAll(cluster, '/api/v1/persistentvolumes');
}
