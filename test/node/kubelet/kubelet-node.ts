import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { INIT_CONFIGS } from '../../../src/kube/resource.ts';
import type { NodeLocalStorage } from '../../../src/model/objects.ts';
import { CSI_NODES } from '../../../sandbox/controllers/kinds.ts';
import { buildProgram, CHECKOUT } from '../../control-plane/cluster/program.ts';
import { POOL, startSystem, type System } from '../../control-plane/system/system.ts';
import { until } from '../../control-plane/cluster/until.ts';
import { joinCluster, NODE } from './join.ts';
import { builtImageOf, builtKubeletImage, loadOpenLocal, OPEN_LOCAL, type OpenLocal } from './kubelet-image.ts';
import { eventsOf, isReady, nodeInCluster, type NodeInCluster, type SeenPod } from './node-in-cluster.ts';
import { createProgress } from '../machine/progress.ts';
import { attachDisk, linkOf, startVm } from '../machine/vm.ts';

const MEMORY_MIB = 1280;
const JOIN_MS = 300_000;
const DISK = 'pool';

/** A node whose agent is the DaemonSet of deploy/; the rest of open-local runs on this machine. */
export interface KubeletNode extends NodeInCluster, AsyncDisposable {
  readonly system: System;
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
  await joinCluster({ vm, cluster: system.cluster, stores: system.stores }, signal);
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

interface Parts extends Pick<KubeletNode, 'vm' | 'system' | 'progress'>, OpenLocal {}

function createNode({ vm, system, progress, image, openLocal }: Parts, signal: AbortSignal): Bare {
  return {
    ...nodeInCluster({ vm, system, progress }, signal),
    system,
    loadAgent: (tag, mark) => loadOpenLocal(vm, { image, openLocal }, { tag, mark }, signal),
    deployAgent: (tag) => deployAgent(system, tag),
  };
}

/** Plugs in a disk and asks for a group made of it. */
async function addPool({ vm, system }: Bare, mib: number, signal: AbortSignal): Promise<void> {
  await attachDisk(vm, { serial: DISK, mib }, signal);
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

interface DaemonSet {
  readonly kind: string;
  readonly spec: { readonly template: { readonly spec: { readonly containers: { image: string }[] } } };
}

async function deployAgent(system: System, tag: string): Promise<void> {
  const text = await readFile(path.join(CHECKOUT, 'deploy/agent.yaml'), 'utf8');
  const objects = parseAllDocuments(text).map((document) => document.toJS() as DaemonSet);
  const image = `${OPEN_LOCAL}:${tag}`;
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
