import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { INIT_CONFIGS } from '../../../src/kube/resource.ts';
import type { Node, NodeLocalStorage, Pod } from '../../../src/model/objects.ts';
import { CSI_NODES } from '../../../sandbox/controllers/kinds.ts';
import { makeCertificate } from '../../control-plane/cluster/certificates.ts';
import { buildProgram, CHECKOUT } from '../../control-plane/cluster/program.ts';
import { POOL, startSystem, type System } from '../../control-plane/system/system.ts';
import { until } from '../../control-plane/cluster/until.ts';
import type { BuiltImage } from '../../image/built-image.ts';
import { layersOf, writeContainerImage } from './container-image.ts';
import { quoted } from '../machine/control.ts';
import { builtImageOf, builtKubeletImage, importImage, type KubeletImage } from './kubelet-image.ts';
import { createProgress } from '../machine/progress.ts';
import { linkOf, startVm, type RunOptions, type Vm } from '../machine/vm.ts';

/** What the machine is called, as guest/init has it. */
export const NODE = 'node';
const MIB = 1024 ** 2;
const MEMORY_MIB = 1280;
const JOIN_MS = 300_000;
const DISK = 'pool';
/** Files of the kubelet's, by the cluster's names for them. */
const CREDENTIALS = { 'ca.crt': 'ca.crt', 'node.crt': 'kubelet.crt', 'node.key': 'kubelet.key' } as const;

/** A pod's status as far as the tests look. */
export interface SeenPod extends Pod {
  status?: NonNullable<Pod['status']> & {
    reason?: string;
    containerStatuses?: { name: string; containerID?: string; restartCount: number; ready: boolean }[];
  };
}

/** A real node with a real kubelet, in a real cluster whose control plane runs on this machine. */
export interface KubeletNode extends AsyncDisposable {
  readonly vm: Vm;
  readonly system: System;
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
  /** Gives the node the agent's image under this tag; `mark` makes it differ from another. */
  loadAgent(tag: string, mark: string): Promise<void>;
  /** Applies the DaemonSet of deploy/ with the image of this tag, and resolves when it is ready. */
  deployAgent(tag: string): Promise<void>;
}

/** Boots the node, joins it, and gives it a volume group of `poolMib` and the agent as deploy/ has it. */
export async function startKubeletNode(
  signal: AbortSignal,
  { poolMib = 8192 }: { readonly poolMib?: number } = {},
): Promise<KubeletNode> {
  const progress = createProgress(import.meta.filename);
  await using started = new AsyncDisposableStack();
  const image = await builtKubeletImage(signal);
  progress('the image is there');
  const program = started.use(await buildProgram());
  const openLocal = await builtImageOf(program, signal);
  const booting = startVm({ image, memoryMib: MEMORY_MIB }, signal);
  started.defer(async () => (await booting.catch(() => undefined))?.[Symbol.asyncDispose]());
  const system = await startSystem({
    openLocal: program.file,
    groups: [],
    replicas: 1,
    realNodes: true,
    // Only a Node object that is gone counts, not one that is silent for as long as a boot takes.
    flags: { 'lost-node-grace': '2s' },
  });
  started.defer(() => system.stop());
  progress('the control plane is there');
  const vm = await booting;
  progress('the machine is there');
  const node = createNode({ vm, system, progress, image, openLocal }, signal);
  await addPool(node, poolMib, signal);
  await join(node, signal);
  progress('the node is Ready');
  await node.loadAgent('1', 'first');
  progress('the image of the agent is loaded');
  await node.deployAgent('1');
  await untilPool(node);
  await untilRegistered(node, signal);
  progress('the agent is ready, and the volume group made');
  const kept = started.move();
  return { ...node, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

type Bare = Omit<KubeletNode, typeof Symbol.asyncDispose>;

interface Parts extends Pick<KubeletNode, 'vm' | 'system' | 'progress'> {
  readonly image: KubeletImage;
  /** What `make image` builds of the program. */
  readonly openLocal: BuiltImage;
}

function createNode({ vm, system, progress, image, openLocal }: Parts, signal: AbortSignal): Bare {
  const onNode: Bare['onNode'] = async (script, options) => (await vm.must(script, signal, options)).trim();
  const pod: Bare['pod'] = (name) => system.stores.pods.get(`default/${name}`);
  const untilPod: Bare['untilPod'] = async (name, what, wanted) => {
    try {
      return await until(
        `pod ${name} ${what}`,
        [system.stores.pods],
        JOIN_MS,
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
      await until(`pod ${name} is gone`, [system.stores.pods], JOIN_MS, () => !pod(name));
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
      await until('no pod and no volume is left', watched(system), JOIN_MS, () => left().length === 0, left);
    },
    loadAgent: async (tag, mark) => {
      const archive = path.join(vm.dir, `agent-${tag}.tar`);
      const config = { ...openLocal.config.config, Labels: { ...openLocal.config.config.Labels, mark } };
      const layers = layersOf(openLocal);
      await writeContainerImage(archive, { name: agentName(tag), layers, known: image.known.length, config });
      await importImage(vm, archive, signal);
    },
    deployAgent: (tag) => deployAgent(system, tag),
  };
}

const watched = ({ stores }: System) => [stores.pods, stores.localVolumes];

export const isReady = ({ metadata, spec, status }: SeenPod): boolean => {
  const containers = status?.containerStatuses ?? [];
  const all = containers.length > 0 && containers.length === spec?.containers?.length;
  return all && containers.every(({ ready }) => ready) && metadata.deletionTimestamp === undefined;
};

/** Lists the pods on the node, so that a failing test shows whether the agent runs. */
const readyPods = ({ stores }: System): readonly (string | undefined)[] =>
  stores.pods
    .list()
    .filter(isReady)
    .map(({ metadata }) => metadata.name);

/** Lists Events about an object of this name, for the message of a failing test. */
const eventsOf = ({ stores }: System, name: string): readonly string[] =>
  stores.events
    .list()
    .filter((event) => event.involvedObject?.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`)
    .slice(-8);

/**
 * Installs the kubelet's certificate, its kubeconfig and the address of the API server, and starts it now and at each
 * boot.
 */
async function join({ vm, system, onNode }: Bare, signal: AbortSignal): Promise<void> {
  const { dir, server } = system.cluster;
  await makeCertificate(dir, 'node', `/O=system:nodes/CN=system:node:${NODE}`);
  for (const [from, to] of Object.entries(CREDENTIALS))
    await vm.writeFile(`/etc/kubernetes/${to}`, await readFile(path.join(dir, from)), signal);
  const there = (file: string): string => `/etc/kubernetes/${file}`;
  const { port } = new URL(server);
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        // The API server's certificate lacks the address by which the guest's network shows it.
        cluster: {
          server: `https://10.0.2.2:${port}`,
          'tls-server-name': 'localhost',
          'certificate-authority': there('ca.crt'),
        },
      },
    ],
    users: [{ name: 'u', user: { 'client-certificate': there('kubelet.crt'), 'client-key': there('kubelet.key') } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await vm.writeFile(there('kubelet.kubeconfig'), stringify(kubeconfig), signal);
  await vm.writeFile(there('api-port'), port, signal);
  await onNode('setsid node-join &> /run/node/join.log &');
  await until(
    'the node is Ready',
    [system.stores.nodes],
    JOIN_MS,
    () => isUsable(system.stores.nodes.get(NODE)),
    () => system.stores.nodes.get(NODE),
  );
}

const isUsable = ({ spec, status }: Node = { metadata: {} }): boolean =>
  (spec?.taints ?? []).length === 0 &&
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

/** Plugs in a disk and asks for a group made of it. */
async function addPool({ vm, system }: Bare, mib: number, signal: AbortSignal): Promise<void> {
  const file = path.join(vm.dir, `${DISK}.img`);
  await writeFile(file, '');
  await truncate(file, mib * MIB);
  await vm.attach([{ serial: DISK, file }], signal);
  const nodesConfig = [
    {
      selector: { matchLabels: { 'kubernetes.io/hostname': NODE } },
      listConfig: { vgs: { include: [POOL] } },
      resourceToBeInited: { vgs: [{ name: POOL, devices: [linkOf(DISK)] }] },
    },
  ];
  const body = { spec: { nodesConfig } };
  await system.client.patch(INIT_CONFIGS, { name: 'open-local' }, { type: 'merge', body }, signal);
}

async function untilPool({ system }: Bare): Promise<void> {
  const find = (): NodeLocalStorage | undefined => system.stores.nodeStorages.get(NODE);
  await until(
    'the node has reported its group',
    [system.stores.nodeStorages],
    JOIN_MS,
    () => find()?.status?.nodeStorageInfo?.volumeGroups?.some(({ name }) => name === POOL),
    find,
  );
}

async function untilRegistered({ system, onNode }: Bare, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { spec } = await system.client.get(CSI_NODES, { name: NODE }, signal);
    if (spec.drivers?.length) return;
    await onNode('sleep 0.5');
  }
}

const agentName = (tag: string): string => `localhost/open-local:${tag}`;

interface DaemonSet {
  readonly kind: string;
  readonly spec: { readonly template: { readonly spec: { readonly containers: { image: string }[] } } };
}

async function deployAgent(system: System, tag: string): Promise<void> {
  const text = await readFile(path.join(CHECKOUT, 'deploy/agent.yaml'), 'utf8');
  const objects = parseAllDocuments(text).map((document) => document.toJS() as DaemonSet);
  const image = agentName(tag);
  for (const { spec } of objects) for (const container of spec.template.spec.containers) container.image = image;
  const file = path.join(system.cluster.dir, `agent-${tag}.yaml`);
  await writeFile(file, objects.map((each) => stringify(each)).join('---\n'));
  await system.kubectl('apply', '-f', file);
  const agents = (): readonly SeenPod[] =>
    system.stores.pods.list().filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'agent');
  await until(
    `the agent of image ${image} is ready`,
    [system.stores.pods],
    JOIN_MS,
    () => agents().some((pod) => isReady(pod) && pod.spec?.containers?.[0]?.image === image),
    () => agents().map(({ metadata, status }) => ({ status, events: eventsOf(system, metadata.name ?? '') })),
  );
}
