import path from 'node:path';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import { parseEndpoint } from '../../src/daemon/endpoint.ts';
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { Fault } from '../../src/model/fault.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import { createChild, type Child } from './child.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { freePorts } from './free-port.ts';
import { registerDriver } from '../controllers/kubelet.ts';
import { createLoops } from './loops.ts';
import { createMachine, type Machine } from './machines.ts';
import { untilDone } from './until-done.ts';

export interface Programs {
  readonly operator: Child;
  readonly machines: readonly Machine[];
  readonly extenderUrl: string;
  readonly readyUrl: string;
  readonly metricsUrl: string;
  /** Absent where the operator serves no page. */
  readonly pageUrl?: string;
  readonly controller: CsiClient['controller'];
  /** Agents by the name of their machine. */
  readonly nodes: readonly { readonly name: string; readonly csi: CsiClient['node']; readonly directory: string }[];
}

/** Makes the operator and the machines with their agents; starts none. */
export async function createPrograms(
  options: ClusterOptions,
  kubeconfig: string,
  started: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Programs> {
  const { directory, openLocal } = options;
  const loops = options.lvm === 'real' ? createLoops(run) : undefined;
  if (loops) started.defer(() => loops.detachAll());
  const machines: Machine[] = [];
  for (const node of options.nodes)
    machines.push(await createMachine(node, { ...options, openLocal, kubeconfig, loops }, signal));

  const connect = (endpoint: string): CsiClient => {
    const csi = createCsiClient(parseEndpoint(endpoint));
    started.defer(() => csi.close());
    return csi;
  };
  const csiEndpoint = `unix://${path.join(directory, 'csi.sock')}`;
  const [extender = '', metrics = '', page = ''] = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
  return {
    operator: createOperator(options, { kubeconfig, csiEndpoint, extender, metrics, page }),
    machines,
    extenderUrl: `http://${extender}`,
    readyUrl: `http://${metrics}/readyz`,
    metricsUrl: `http://${metrics}/metrics`,
    ...(options.page && { pageUrl: `http://${page}/` }),
    controller: connect(csiEndpoint).controller,
    nodes: machines.map((machine) => ({
      name: machine.story.name,
      csi: connect(machine.csiEndpoint).node,
      directory: machine.directory,
    })),
  };
}

interface OperatorAddresses {
  readonly kubeconfig: string;
  readonly csiEndpoint: string;
  readonly extender: string;
  readonly metrics: string;
  readonly page: string;
}

const createOperator = (
  { openLocal, logDirectory, page, traceEndpoint }: ClusterOptions,
  addresses: OperatorAddresses,
): Child =>
  createChild({
    name: 'operator',
    argv: [
      ...openLocal,
      'operator',
      '--no-leader-election',
      '--init-config=open-local',
      '--strategy=spread',
      '--namespace=default',
      `--kubeconfig=${addresses.kubeconfig}`,
      `--driver-name=${DEFAULT_DRIVER}`,
      `--extender-listen=${addresses.extender}`,
      `--metrics-listen=${addresses.metrics}`,
      `--csi-endpoint=${addresses.csiEndpoint}`,
      ...(page ? [`--page-listen=${addresses.page}`] : []),
      ...(traceEndpoint ? [`--trace-endpoint=${traceEndpoint.href}`] : []),
    ],
    logFile: path.join(logDirectory, 'operator.log'),
    stopMs: 10_000,
  });

/** Lists all programs, the operator first. */
export const childrenOf = ({ operator, machines }: Pick<Programs, 'operator' | 'machines'>): Child[] => [
  operator,
  ...machines.map(({ agent }) => agent),
];

/** Starts all programs at once; disposing of the stack stops them. */
export async function startPrograms(programs: Programs, started: AsyncDisposableStack): Promise<void> {
  const children = childrenOf(programs);
  started.defer(async () => {
    await Promise.all(children.map((child) => child.stop()));
  });
  await Promise.all(children.map((child) => child.start()));
}

/** Waits until the operator is ready and every agent has told its kubelet who it is. */
export async function untilServing(
  { readyUrl, nodes }: Programs,
  client: KubeClient,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    untilDone('the operator is ready', (signal) => assertReady(readyUrl, signal), signal),
    ...nodes.map(({ name, csi }) =>
      untilDone(
        `the agent of ${name} answers`,
        (signal) => registerDriver({ driver: DEFAULT_DRIVER, nodeName: name, node: csi }, { client }, signal),
        signal,
      ),
    ),
  ]);
}

async function assertReady(url: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { signal });
  await response.body?.cancel();
  if (!response.ok) throw new Fault('unavailable', `${url} answers ${response.status}`);
}
