import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { createApiServer, type ApiServer } from '../../../sandbox/apiserver/api-server.ts';
import { createCsiClient, type CsiClient } from '../../../src/csi/client.ts';
import { run } from '../../../src/exec/run.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { loadKubeconfig } from '../../../src/kube/access/kubeconfig.ts';
import { NODE_LOCAL_STORAGES, type Resource } from '../../../src/kube/resource.ts';
import { createKubeClient } from '../../../src/kube/rest/rest-client.ts';
import type { Condition, KubeObject, NodeLocalStorage } from '../../../src/model/objects.ts';
import { guestKubeconfig } from '../machine/guest-kubeconfig.ts';
import { builtImage } from '../machine/image.ts';
import { startVm, type Vm, type VmOptions } from '../machine/vm.ts';
import { CSI_PORT, installAgent, startInstalled } from './installed-agent.ts';

const ROOT = path.join(import.meta.dirname, '../../..');
/** Name of the machine, on itself and in the cluster. */
export const NODE = 'node';

const CSI_CALL_MS = 180_000;

interface Event extends KubeObject {
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
}
const EVENTS: Resource<Event> = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };

/** A virtual machine with our agent, and the API server that the agent works with. */
export interface AgentNode extends AsyncDisposable {
  readonly vm: Vm;
  readonly api: ApiServer;
  readonly client: KubeClient;
  /** Starts the agent; `name` tells it from a second one on the same machine, and `flags` are added to its own. */
  startAgent(signal: AbortSignal, name?: string, flags?: readonly string[]): Promise<void>;
  /** Clients of the CSI services of the agent named `agent`. */
  readonly csi: CsiClient['node'];
  /** Sends SIGTERM and waits for the end. */
  stopAgent(signal: AbortSignal, name?: string): Promise<void>;
  /** Cuts the power, boots again, and starts the agent. */
  restart(signal: AbortSignal, flags?: readonly string[]): Promise<void>;
  agentLog(signal: AbortSignal, name?: string): Promise<string>;
  /**
   * Sets what the node should have, creating its NodeLocalStorage if need be, and resolves once the agent has told how
   * each item stands.
   */
  ask(spec: NodeLocalStorage['spec'], signal: AbortSignal): Promise<NodeLocalStorage>;
  /** Resolves to the node's storage as soon as it is as `wanted`. */
  until(wanted: (nls: NodeLocalStorage) => boolean, signal: AbortSignal): Promise<NodeLocalStorage>;
  events(signal: AbortSignal): Promise<readonly Event[]>;
}

/** Boots a machine and starts an API server; the agent is installed and not started. */
export async function startAgentNode(signal: AbortSignal, options: Omit<VmOptions, 'image'> = {}): Promise<AgentNode> {
  await using started = new AsyncDisposableStack();
  const image = await builtImage(signal);
  const crds = path.join(ROOT, 'crds');
  const files = (await readdir(crds)).filter((name) => name.endsWith('.yaml'));
  const api = createApiServer({
    crds: await Promise.all(files.map((name) => readFile(path.join(crds, name), 'utf8'))),
  });
  const url = await api.listen();
  started.defer(() => api.close());
  const vm = started.use(await startVm({ image, forward: [CSI_PORT], ...options }, signal));
  const kubeconfig = path.join(vm.dir, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test' });
  started.defer(() => client.close());
  const csi = createCsiClient({ kind: 'tcp', host: '127.0.0.1', port: vm.portTo(CSI_PORT) }, CSI_CALL_MS);
  started.defer(() => csi.close());
  await installAgent(vm, guestKubeconfig({ server: url.replace('127.0.0.1', '10.0.2.2') }, {}), signal);
  const startAgent: AgentNode['startAgent'] = (signal, name = 'agent', flags = []) =>
    startInstalled(vm, { node: NODE, name, flags }, signal);
  const kept = started.move();
  return {
    vm,
    api,
    client,
    csi: csi.node,
    startAgent,
    stopAgent: async (signal, name = 'agent') => {
      await vm.must(`kill "$(< /run/${name}.pid)"; tail --pid="$(< /run/${name}.pid)" -f /dev/null`, signal);
    },
    restart: async (signal, flags) => {
      await vm.cutPower();
      await vm.boot(signal);
      await startAgent(signal, 'agent', flags);
    },
    agentLog: async (signal, name = 'agent') => (await vm.readFile(`/var/log/${name}.log`, signal)).toString(),
    ask: async (spec, signal) => {
      const { generation } = (await write(client, spec, signal)).metadata;
      const types = initTypes(spec);
      return until(
        client,
        ({ status }) => {
          const done = (status?.conditions ?? []).filter((condition) => condition.observedGeneration === generation);
          return types.every((type) => done.some((condition) => condition.type === type));
        },
        signal,
      );
    },
    until: (wanted, signal) => until(client, wanted, signal),
    events: async (signal) => (await client.list(EVENTS, {}, signal)).items,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

export const conditionOf = (nls: NodeLocalStorage, type: string): Condition | undefined =>
  nls.status?.conditions?.find((condition) => condition.type === type);

const initTypes = (spec: NodeLocalStorage['spec']): readonly string[] => [
  ...(spec?.resourceToBeInited?.vgs ?? []).map(({ name }) => `VolumeGroup/${name}`),
  ...(spec?.resourceToBeInited?.mountpoints ?? []).map((point) => `MountPoint/${point.path}`),
];

async function write(
  client: KubeClient,
  spec: NodeLocalStorage['spec'],
  signal: AbortSignal,
): Promise<NodeLocalStorage> {
  const found = (await client.list(NODE_LOCAL_STORAGES, {}, signal)).items[0];
  const wanted = { nodeName: NODE, ...spec };
  if (!found) {
    const nls = {
      apiVersion: 'csi.aliyun.com/v1alpha1',
      kind: 'NodeLocalStorage',
      metadata: { name: NODE },
      spec: wanted,
    };
    return client.create(NODE_LOCAL_STORAGES, nls, signal);
  }
  const body = [{ op: 'add', path: '/spec', value: wanted }];
  return client.patch(NODE_LOCAL_STORAGES, { name: NODE }, { type: 'json', body }, signal);
}

async function until(
  client: KubeClient,
  wanted: (nls: NodeLocalStorage) => boolean,
  signal: AbortSignal,
): Promise<NodeLocalStorage> {
  const { items, resourceVersion } = await client.list(NODE_LOCAL_STORAGES, {}, signal);
  let last = items[0];
  if (last && wanted(last)) return last;
  try {
    for await (const event of client.watch(NODE_LOCAL_STORAGES, { resourceVersion }, signal)) {
      if (event.type === 'BOOKMARK') continue;
      last = event.object;
      if (wanted(last)) return last;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  throw new Error(`the agent did not get there in time; last seen: ${JSON.stringify(last?.status, undefined, 1)}`);
}
