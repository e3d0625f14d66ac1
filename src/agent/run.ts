import { runComponents, type Component } from '../daemon/lifecycle.ts';
import type { SetLogLevel } from '../daemon/log.ts';
import type { Log } from '../model/log.ts';
import { createOpsServer } from '../daemon/ops-server.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { present } from '../model/present.ts';
import { AGENT, LOG_LEVEL, TRACEPARENT } from '../model/well-known.ts';
import { tracedRun } from '../trace/traced-run.ts';
import { createTracing, type Tracing } from '../trace/tracing.ts';
import { createIdentity } from '../csi/identity.ts';
import { addBuildInfo, addProcessMetrics } from '../daemon/process-metrics.ts';
import { createNodeService } from '../csi/node/node.ts';
import { createOwnWork } from '../csi/node/own-work.ts';
import { keepRegistered } from '../csi/node/registration.ts';
import { createCsiServer, type CsiServerOptions } from '../csi/server.ts';
import type { Service } from '../csi/service.ts';
import type { Endpoint } from '../daemon/endpoint.ts';
import type { Run } from '../exec/run.ts';
import { unlessHung } from '../exec/unless-hung.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events/events.ts';
import { background } from '../daemon/background.ts';
import type { AgentConfig } from './config.ts';
import type { RecordEvent } from './events/record-event.ts';
import { createAgentMetrics, type AgentMetrics } from './metrics.ts';
import { hostnameOf } from './hostname.ts';
import { createHealthRecords } from './volumes/health-records.ts';
import { createInlineVolumes } from './volumes/inline-volumes.ts';
import { createOldInlineVolumes } from './volumes/old-inline-volumes.ts';
import { createNodeVolumes } from './volumes/node-volumes.ts';
import { createOwnObjects } from './own-objects.ts';
import { createOtherDriver } from './other-driver.ts';
import { createPorts } from './ports.ts';
import { createRegistered, type Registered } from './registered.ts';
import { createWork } from './work.ts';

export interface AgentDeps {
  readonly client: KubeClient;
  readonly run: Run;
  /** Of this program, for GetPluginInfo. */
  readonly version: string;
  readonly log: Log;
  /** Called with what the node's object asks for; absent: the level stays. */
  readonly setLogLevel?: SetLogLevel;
  /** How it reaches its machine; absent: createPorts. */
  readonly ports?: typeof createPorts;
  /** Ms that only ever grow, by which the kubelet is waited for. Absent: the machine's. */
  readonly now?: () => number;
}

/** A part that has not stopped after so many ms is left behind; the kubelet kills us after 30 s. */
const STOP_MS = 20_000;

/**
 * One node's agent: serves CSI and metrics, follows its own objects, and works, until aborted. Rejects when a socket is
 * taken. Holds no state that matters: it may be killed at any time, and several may live in one process.
 */
export async function runAgent(
  config: AgentConfig,
  { client, run, version, log, setLogLevel, ports: portsOf = createPorts, now = machineNow }: AgentDeps,
  signal: AbortSignal,
): Promise<void> {
  const metrics = createAgentMetrics();
  const objects = createOwnObjects(config.nodeName, { client, log });
  objects.node.subscribe({ changed: ({ metadata }) => setLogLevel?.(metadata.annotations?.[LOG_LEVEL]) });
  const { tracer, components } = tracingOf(config, version, metrics, log);
  const ports = portsOf(config, { run: tracedRun(unlessHung(run), tracer), onCommand: metrics.onCommand, objects });
  const events = createEventRecorder({ client, source: { component: AGENT, host: config.nodeName }, log });
  const record: RecordEvent = (subject, event) => events.record({ subject, ...event });
  const registered = registeredOf(config, now);
  const work = createWork({ config, client, ports, version, objects, metrics, record, log, tracer, registered });
  const { nodeName, csiEndpoint, metricsEndpoint } = config;
  const heard = (name: string): LocalVolume | undefined => objects.volumes.get(name);
  const nls = (): NodeLocalStorage | undefined => objects.node.get(nodeName);
  const oldGroupOf = createOldInlineVolumes({ kubeletDir: config.kubeletDir, nls, log });
  const volumes = {
    ...createNodeVolumes({ client, nodeName, heard, write: work.write, ...ports }),
    ...createInlineVolumes({ client, nodeName, volumes: objects.volumes, nls, oldGroupOf, tracer }),
  };

  const other = createOtherDriver(config, { client, record, log });
  components.push(background('events', (stop) => events.run(stop)));
  if (metricsEndpoint) {
    const ready = { 'other driver': other.problem, objects: work.problem };
    components.push(
      createOpsServer({ endpoint: metricsEndpoint, live: {}, ready, metrics: metrics.registry.pageInTurns, log }),
    );
  }
  components.push(
    other.component,
    background('work', (stop) => work.run(stop)),
  );
  if (csiEndpoint) {
    const hostname = (stop: AbortSignal): Promise<string> => hostnameOf(nodeName, client, stop);
    const node = createNodeService({
      nodeName,
      hostname,
      maxVolumes: config.maxVolumesPerNode,
      volumes,
      records: createHealthRecords({ client, nodeName, heard, node: nls }),
      ...ports,
      limits: work.limits,
      ownWork: createOwnWork(signal),
    });
    const ready = (): boolean => work.problem() === undefined;
    const madeWith = (name: string): string | undefined => heard(name)?.metadata.annotations?.[TRACEPARENT];
    const told = { onCall: metrics.onCall, tracer, madeWith, log };
    components.push(...serveNode(csiEndpoint, node, { config, version, ready, registered, ...told }));
  }
  addBuildInfo(metrics.registry, 'agent', version);
  // Nobody reads them otherwise, and with hundreds of agents in one process they would cost it more than the agents.
  const stopMetrics = metricsEndpoint && addProcessMetrics(metrics.registry);
  try {
    await runComponents(components, { log, stopMs: STOP_MS }, signal);
  } finally {
    stopMetrics?.();
  }
}

/** Traces are sent by the first part, which is stopped last. */
function tracingOf(
  { trace, nodeName }: AgentConfig,
  version: string,
  { registry }: AgentMetrics,
  log: Log,
): Pick<Tracing, 'tracer'> & { readonly components: Component[] } {
  const resource = { 'service.name': AGENT, 'service.version': version, 'k8s.node.name': nodeName };
  const { tracer, component } = createTracing(trace, { resource, prefix: 'open_local_agent', registry, log });
  return { tracer, components: component ? [component] : [] };
}

interface NodeServer extends Pick<CsiServerOptions, 'log' | 'onCall' | 'tracer' | 'madeWith'> {
  readonly config: Pick<AgentConfig, 'driverName' | 'registrationSocket'>;
  readonly version: string;
  readonly ready: () => boolean;
  readonly registered: Registered | undefined;
}

const machineNow = (): number => performance.now();

function registeredOf(
  { driverName, registrationSocket: socketPath, kubeletDir, csiEndpoint }: AgentConfig,
  now: () => number,
): Registered | undefined {
  const isServed = socketPath !== undefined && csiEndpoint?.kind === 'unix';
  return isServed ? createRegistered({ driverName, socketPath, kubeletDir, now }) : undefined;
}

/** Serves CSI, and tells the kubelet where. */
function serveNode(
  endpoint: Endpoint,
  node: Service,
  { config, version, ready, registered, log, ...told }: NodeServer,
): Component[] {
  const { driverName, registrationSocket: socketPath } = config;
  const services = [createIdentity({ driverName, version, ready }), node];
  const server = createCsiServer({ name: 'csi node', endpoint, services, keep: true, log, ...told });
  if (socketPath === undefined || endpoint.kind !== 'unix') return [server];
  const registration = {
    socketPath,
    driverName,
    csiPath: endpoint.path,
    log,
    ...present({ onState: registered?.note }),
  };
  return [server, background('registration', (stop) => keepRegistered(registration, stop))];
}
