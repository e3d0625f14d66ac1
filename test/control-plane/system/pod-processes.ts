import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../../sandbox/cluster/free-port.ts';
import { beat, joinNode } from '../../../sandbox/cluster/simulated-node.ts';
import type { Stores } from '../../../sandbox/controllers/deps.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { unlessGone } from '../../../src/kube/find.ts';
import { NODES, PODS } from '../../../src/kube/resource.ts';
import type { Pod } from '../../../src/model/objects.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { argsOf, envOf, type Container } from './deployed.ts';
import { startReplica, WITH_SNAPSHOTTER, type Replica, type ReplicaOptions } from './replica.ts';

/** Label and taint of the nodes for the operator's pods; nothing else goes there. */
export const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';
export const CONTROL_NODES: readonly string[] = ['control-1', 'control-2'];
const NAMESPACE = 'open-local';
const LOOK_MS = 250;
const BEAT_MS = 10_000;

export interface PodProcessesOptions extends Pick<ReplicaOptions, 'openLocal' | 'kubeconfig'> {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  readonly stores: Stores;
  /** Filled with what runs. */
  readonly replicas: Replica[];
}

/**
 * Acts as the kubelet of two nodes of a control plane: every pod of the operator's Deployment that the scheduler puts
 * there becomes processes with the arguments and the environment of the pod, is Ready as its probe says, and ends as
 * pods do. Disposing ends them all.
 */
export async function runPodsAsProcesses(options: PodProcessesOptions): Promise<AsyncDisposable> {
  const { client, stores } = options;
  const ending = new AbortController();
  const { signal } = ending;
  for (const name of CONTROL_NODES) {
    await joinNode({ name, labels: { [CONTROL_PLANE]: '', 'kubernetes.io/os': 'linux' }, disks: [] }, client, signal);
    const taints = [{ key: CONTROL_PLANE, effect: 'NoSchedule' }];
    await client.patch(NODES, { name }, { type: 'merge', body: { spec: { taints } } }, signal);
  }
  const running = new Map<string, Promise<void>>();
  let address = 0;
  const watch = async (): Promise<void> => {
    for (let beaten = 0; !signal.aborted;) {
      for (const pod of stores.pods.list().filter(isOurs)) {
        const { uid = '' } = pod.metadata;
        if (!running.has(uid)) running.set(uid, runPod(pod, `192.0.2.${(address += 1)}`, options, signal));
      }
      if (performance.now() - beaten > BEAT_MS) {
        beaten = performance.now();
        for (const name of CONTROL_NODES) await beat(name, client, signal).catch(() => undefined);
      }
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  const watching = watch();
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await watching;
      await Promise.all(running.values());
    },
  };
}

const isOurs = ({ metadata, spec }: Pod): boolean =>
  metadata.namespace === NAMESPACE && CONTROL_NODES.includes(spec?.nodeName ?? '');

async function runPod(pod: Pod, ip: string, options: PodProcessesOptions, signal: AbortSignal): Promise<void> {
  const { cluster, client, stores, replicas } = options;
  const { name = '', uid } = pod.metadata;
  const key = { namespace: NAMESPACE, name };
  const now = (): Pod | undefined => {
    const heard = stores.pods.get(`${NAMESPACE}/${name}`);
    return heard?.metadata.uid === uid ? heard : undefined;
  };
  const [extenderPort = 0, metricsPort = 0] = await freePorts(2);
  const containers = (pod.spec?.containers ?? []) as readonly Container[];
  const replica = await startReplica(cluster, {
    ...options,
    ...{ name, extenderPort, metricsPort, tlsDir: undefined, flags: {} },
    sidecars: WITH_SNAPSHOTTER.filter((sidecar) => containers.some((container) => container.name === sidecar)),
    args: (container, instead) => argsOf(containers, container, instead),
    env: envOf(containers, 'operator', { 'metadata.name': name, 'status.podIP': ip }),
  });
  replicas.push(replica);
  while (!signal.aborted && now() && !now()?.metadata.deletionTimestamp) {
    const isReady = await fetch(replica.readyUrl).then(
      ({ ok }) => ok,
      () => false,
    );
    const status = statusOf(ip, isReady, containers);
    if (!signal.aborted)
      await client.patch(PODS, key, { type: 'merge', body: { status } }, signal, 'status').catch(() => undefined);
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  await replica.stop();
  replicas.splice(replicas.indexOf(replica), 1);
  if (now()) await unlessGone(client.delete(PODS, key, AbortSignal.timeout(5000), { gracePeriodSeconds: 0 }));
}

const statusOf = (podIP: string, isReady: boolean, containers: readonly Container[]): object => {
  const status = isReady ? 'True' : 'False';
  return {
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: new Date().toISOString(),
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: type.endsWith('Ready') ? status : 'True',
    })),
    containerStatuses: containers.map(({ name, image = '' }) => ({
      ...{ name, image, imageID: image, restartCount: 0, ready: isReady },
      state: { running: { startedAt: new Date().toISOString() } },
    })),
  };
};
