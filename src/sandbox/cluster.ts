import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createApiServer } from '../apiserver/api-server.ts';
import { createCsiClient, type CsiClient } from '../csi/client.ts';
import { parseEndpoint } from '../daemon/endpoint.ts';
import { run } from '../exec/run.ts';
import type { KubeClient } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import { loadKubeconfig } from '../kube/kubeconfig.ts';
import type { Log } from '../kube/log.ts';
import { createKubeClient } from '../kube/rest-client.ts';
import { Fault, textOf } from '../model/fault.ts';
import { createChild, type Child } from './child.ts';
import type { Stores } from './deps.ts';
import { freePort } from './free-port.ts';
import { registerDriver } from './kubelet.ts';
import { createLoops } from './loops.ts';
import { createMachine, registerNode, type Machine } from './machines.ts';
import { createRecordEvent } from './record-events.ts';
import { runStandIns } from './stand-ins.ts';
import { openStores } from './stores.ts';
import type { StoryNode } from './story.ts';

export interface ClusterOptions {
  readonly nodes: readonly StoryNode[];
  readonly lvm: 'simulated' | 'real';
  readonly driver: string;
  /** The program whose operator and agents are started, as argv. */
  readonly openLocal: readonly string[];
  /** Where the CustomResourceDefinitions are. */
  readonly crdDirectory: string;
  /** Sockets, disks and mounts are kept here; short, since sockets are in it. */
  readonly directory: string;
  readonly logDirectory: string;
  readonly log: Log;
}

/** A cluster on this machine. */
export interface Cluster {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly kubeconfig: string;
  readonly machines: readonly Machine[];
  readonly operator: Child;
  /** Rejects when a program of ours ends by itself, or a stand-in fails. */
  readonly failed: Promise<never>;
  /** Ends everything that was started and detaches every disk, also after failures. */
  close(): Promise<void>;
}

/** Starts everything and waits until operator and agents serve. What had been started is ended again when it throws. */
export async function startCluster(options: ClusterOptions, signal: AbortSignal): Promise<Cluster> {
  await using started = new AsyncDisposableStack();
  const plane = await startControlPlane(options, started, signal);
  const programs = await createPrograms(options, plane.kubeconfig, started, signal);
  const crashed = quiet(Promise.race(childrenOf(programs).map((child) => child.crashed)));
  await startPrograms(programs, started);
  await Promise.race([crashed, untilServing(programs, { ...plane, driver: options.driver }, signal)]);
  const standIns = startStandIns(options, { ...plane, ...programs }, started);

  const kept = started.move();
  return {
    ...plane,
    machines: programs.machines,
    operator: programs.operator,
    failed: quiet(Promise.race([crashed, standIns])),
    close: () => kept.disposeAsync(),
  };
}

interface ControlPlane {
  readonly kubeconfig: string;
  readonly client: KubeClient;
  readonly stores: Stores;
}

/** The API server with our kinds and the nodes, and a view of all that is in it. */
async function startControlPlane(
  { nodes, crdDirectory, directory, log }: ClusterOptions,
  started: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<ControlPlane> {
  const files = (await readdir(crdDirectory)).filter((name) => name.endsWith('.yaml'));
  const crds = await Promise.all(files.map((name) => readFile(path.join(crdDirectory, name), 'utf8')));
  const server = createApiServer({ crds });
  await server.listen();
  started.defer(() => server.close());
  const kubeconfig = path.join(directory, 'kubeconfig');
  await server.writeKubeconfig(kubeconfig);

  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'open-local-sandbox' });
  started.defer(() => client.close());
  for (const node of nodes) await registerNode(node, client, signal);
  const ending = new AbortController();
  started.defer(() => ending.abort());
  const stores = await openStores(client, log, AbortSignal.any([signal, ending.signal]));
  return { kubeconfig, client, stores };
}

interface Programs {
  readonly operator: Child;
  readonly machines: readonly Machine[];
  readonly extenderUrl: string;
  readonly readyUrl: string;
  readonly controller: CsiClient['controller'];
  /** By the name of the machine. */
  readonly nodes: readonly { readonly name: string; readonly csi: CsiClient['node']; readonly directory: string }[];
}

/** The operator and the machines with their agents, not started. */
async function createPrograms(
  options: ClusterOptions,
  kubeconfig: string,
  started: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Programs> {
  const { directory, logDirectory, openLocal, driver } = options;
  const loops = options.lvm === 'real' ? createLoops(run) : undefined;
  if (loops) started.defer(() => loops.detachAll());
  const machines: Machine[] = [];
  for (const node of options.nodes)
    machines.push(await createMachine(node, { openLocal, kubeconfig, driver, directory, logDirectory, loops }, signal));

  const connect = (endpoint: string): CsiClient => {
    const csi = createCsiClient(parseEndpoint(endpoint));
    started.defer(() => csi.close());
    return csi;
  };
  const csiEndpoint = `unix://${path.join(directory, 'csi.sock')}`;
  const [extender, metrics] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  return {
    operator: createOperator(options, { kubeconfig, csiEndpoint, extender, metrics }),
    machines,
    extenderUrl: `http://${extender}`,
    readyUrl: `http://${metrics}/readyz`,
    controller: connect(csiEndpoint).controller,
    nodes: machines.map((machine) => ({
      name: machine.story.name,
      csi: connect(machine.csiEndpoint).node,
      directory: machine.directory,
    })),
  };
}

interface OperatorPlaces {
  readonly kubeconfig: string;
  readonly csiEndpoint: string;
  readonly extender: string;
  readonly metrics: string;
}

const createOperator = ({ openLocal, driver, logDirectory }: ClusterOptions, places: OperatorPlaces): Child =>
  createChild({
    name: 'operator',
    argv: [
      ...openLocal,
      'operator',
      '--no-leader-election',
      '--init-config=open-local',
      '--strategy=spread',
      `--kubeconfig=${places.kubeconfig}`,
      `--driver-name=${driver}`,
      `--extender-listen=${places.extender}`,
      `--metrics-listen=${places.metrics}`,
      `--csi-endpoint=${places.csiEndpoint}`,
    ],
    logFile: path.join(logDirectory, 'operator.log'),
    stopMs: 10_000,
  });

const childrenOf = ({ operator, machines }: Pick<Programs, 'operator' | 'machines'>): Child[] => [
  operator,
  ...machines.map(({ agent }) => agent),
];

async function startPrograms(programs: Programs, started: AsyncDisposableStack): Promise<void> {
  const children = childrenOf(programs);
  started.defer(async () => {
    await Promise.all(children.map((child) => child.stop()));
  });
  await Promise.all(children.map((child) => child.start()));
}

/** Waits until the operator is ready and every agent has told its kubelet who it is. */
async function untilServing(
  { readyUrl, nodes }: Programs,
  { client, driver }: { readonly client: KubeClient; readonly driver: string },
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    untilDone('the operator is ready', (signal) => assertReady(readyUrl, signal), signal),
    ...nodes.map(({ name, csi }) =>
      untilDone(
        `the agent of ${name} answers`,
        (signal) => registerDriver({ driver, nodeName: name, node: csi }, { client }, signal),
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

const START_MS = 30_000;
const RETRY_MS = 100;

/** Tries until it succeeds. Throws Fault `unavailable` with the last failure when the time is over. */
async function untilDone(
  what: string,
  attempt: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_MS)]);
  for (;;) {
    try {
      return await attempt(deadline);
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted)
        throw new Fault('unavailable', `waited ${START_MS / 1000} s until ${what}: ${textOf(error)}`, { cause: error });
    }
    await systemClock.sleep(RETRY_MS, signal);
  }
}

/** Runs the stand-ins until the cluster is closed; the promise rejects when one of them fails. */
function startStandIns(
  { driver, log }: ClusterOptions,
  parts: ControlPlane & Programs,
  started: AsyncDisposableStack,
): Promise<never> {
  const ending = new AbortController();
  const events = createRecordEvent(parts.client, log);
  const standIns = runStandIns({ ...parts, record: events.record, log, driver }, ending.signal);
  const running = Promise.all([standIns, events.run(ending.signal)]);
  started.defer(async () => {
    ending.abort();
    await running.catch(() => undefined); // it was reported when it failed
  });
  return quiet(running.then(() => new Promise<never>(() => {})));
}

/** The same promise, which may reject when nobody waits for it. */
function quiet(promise: Promise<never>): Promise<never> {
  promise.catch(() => {});
  return promise;
}
