import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { Pod } from '../../../src/model/objects.ts';
import { until } from '../../control-plane/cluster/until.ts';
import type { System } from '../../control-plane/system/system.ts';
import { quoted } from '../machine/control.ts';
import type { RunOptions, Vm } from '../machine/vm.ts';

const WITHIN_MS = 300_000;

/** A pod's status as far as the tests look. */
export interface SeenPod extends Pod {
  status?: NonNullable<Pod['status']> & {
    reason?: string;
    containerStatuses?: { name: string; containerID?: string; restartCount: number; ready: boolean }[];
  };
}

/** What tests need of a cluster, whoever runs open-local there. */
export type Known = Pick<System, 'cluster' | 'client' | 'stores' | 'kubectl'>;

/** A real node with a real kubelet, in a real cluster whose control plane runs on this machine. */
export interface NodeInCluster {
  readonly vm: Vm;
  readonly system: Known;
  /** Logs progress with the time. */
  readonly progress: (what: string) => void;
  /** Runs a script as root. Resolves to its trimmed output; throws unless it ends with 0. */
  onNode(script: string, options?: RunOptions): Promise<string>;
  /** Runs a script in a container of a pod in the namespace `default`; absent: the first. */
  inPod(pod: string, script: string, container?: string): Promise<string>;
  pod(name: string): SeenPod | undefined;
  /** Resolves to the pod once it is as `wanted`. */
  untilPod(name: string, what: string, wanted: (pod: SeenPod) => boolean): Promise<SeenPod>;
  /** Resolves to the pod once all its containers are ready. */
  untilReady(name: string): Promise<SeenPod>;
  untilGone(name: string): Promise<void>;
  /** Applies objects as YAML would have them, in the namespace `default`. */
  apply(...objects: readonly object[]): Promise<void>;
  /** Deletes every pod and claim of the namespace `default`, and resolves when nothing of them is left. */
  clear(): Promise<void>;
}

/** The node with the ways in which tests work with it, which wait for a pod for `withinMs`; absent: five minutes. */
export function nodeInCluster(
  { vm, system, progress }: Pick<NodeInCluster, 'vm' | 'system' | 'progress'>,
  signal: AbortSignal,
  withinMs = WITHIN_MS,
): NodeInCluster {
  const onNode: NodeInCluster['onNode'] = async (script, options) => (await vm.must(script, signal, options)).trim();
  const pod: NodeInCluster['pod'] = (name) => system.stores.pods.get(`default/${name}`);
  const untilPod: NodeInCluster['untilPod'] = async (name, what, wanted) => {
    try {
      return await until(
        `pod ${name} ${what}`,
        [system.stores.pods],
        withinMs,
        () => {
          const seen = pod(name);
          return seen && wanted(seen) ? seen : undefined;
        },
        () => ({ status: pod(name)?.status, events: eventsOf(system, name), ready: readyPods(system) }),
      );
    } catch (error) {
      // The node goes with the test, and its logs with it.
      const logs = `grep -h 'default/${name}"' /var/log/kubelet.log | tail -n 20; tail -n 20 /var/log/containerd.log`;
      throw new Error(`${String(error)}\n${await onNode(logs)}`, { cause: error });
    }
  };
  return {
    vm,
    system,
    progress,
    onNode,
    pod,
    untilPod,
    inPod: (name, script, container) => {
      const found = (pod(name)?.status?.containerStatuses ?? []).find((each) => each.name === (container ?? each.name));
      const id = found?.containerID?.replace(/^.*:\/\//, '') ?? '';
      const exec = `task exec --exec-id "e$RANDOM$RANDOM" ${quoted(id)} sh -c ${quoted(script)}`;
      return onNode(`ctr --connect-timeout 60s -n k8s.io ${exec}`);
    },
    untilReady: (name) => untilPod(name, 'is ready', isReady),
    untilGone: async (name) => {
      await until(`pod ${name} is gone`, [system.stores.pods], withinMs, () => !pod(name));
    },
    apply: async (...objects) => {
      const file = path.join(system.cluster.dir, `apply-${performance.now()}.yaml`);
      await writeFile(file, objects.map((each) => stringify(each)).join('---\n'));
      await system.kubectl('apply', '-f', file);
    },
    clear: async () => {
      await system.kubectl('delete', 'statefulset,pod,pvc', '--all', '-n', 'default', '--wait=false');
      const left = (): readonly (string | undefined)[] => [
        ...system.stores.pods
          .list()
          .flatMap(({ metadata }) => (metadata.namespace === 'default' ? [metadata.name] : [])),
        ...system.stores.localVolumes.list().map(({ metadata }) => metadata.name),
      ];
      await until('no pod and no volume is left', watched(system), withinMs, () => left().length === 0, left);
    },
  };
}

const watched = ({ stores }: Known) => [stores.pods, stores.localVolumes];

export const isReady = ({ metadata, spec, status }: SeenPod): boolean => {
  const containers = status?.containerStatuses ?? [];
  const all = containers.length > 0 && containers.length === spec?.containers?.length;
  return all && containers.every(({ ready }) => ready) && metadata.deletionTimestamp === undefined;
};

/** Lists the pods on the node, so that a failing test shows whether the agent runs. */
const readyPods = ({ stores }: Known): readonly (string | undefined)[] =>
  stores.pods
    .list()
    .filter(isReady)
    .map(({ metadata }) => metadata.name);

/** Lists Events about an object of this name, for the message of a failing test. */
export const eventsOf = ({ stores }: Known, name: string): readonly string[] =>
  stores.events
    .list()
    .filter((event) => event.involvedObject?.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`)
    .slice(-8);

/** Has a pod evicted, as `kubectl drain` does. Throws where a budget does not allow it. */
export async function evict({ cluster, kubectl }: Known, namespace: string, name: string): Promise<void> {
  const file = path.join(cluster.dir, 'eviction.json');
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  await writeFile(file, JSON.stringify(eviction));
  await kubectl('create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, '-f', file);
}
