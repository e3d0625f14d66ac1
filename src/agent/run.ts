import { runComponents, type Component } from '../daemon/lifecycle.ts';
import type { Log } from '../daemon/log.ts';
import { createOpsServer } from '../daemon/ops-server.ts';
import { createIdentity } from '../csi/identity.ts';
import { createNodeService } from '../csi/node.ts';
import { createCsiServer } from '../csi/server.ts';
import type { Run } from '../exec/run.ts';
import type { KubeClient } from '../kube/client.ts';
import { background } from './background.ts';
import type { AgentConfig } from './config.ts';
import type { RecordEvent } from './events.ts';
import { createAgentMetrics } from './metrics.ts';
import { createNodeVolumes } from './node-volumes.ts';
import { createPorts } from './ports.ts';
import { createWork } from './work.ts';

export interface AgentDeps {
  readonly client: KubeClient;
  readonly run: Run;
  /** Of this program, for GetPluginInfo. */
  readonly version: string;
  readonly log: Log;
}

/** A part that has not stopped after so many ms is left behind; the kubelet kills us after 30 s. */
const STOP_MS = 20_000;

/**
 * One node's agent: serves CSI and metrics, follows its own objects, and works, until aborted. Rejects when a socket is taken. Holds no
 * state that matters: it may be killed at any time, and several may live in one process.
 */
export async function runAgent(
  config: AgentConfig,
  { client, run, version, log }: AgentDeps,
  signal: AbortSignal,
): Promise<void> {
  const metrics = createAgentMetrics();
  const ports = createPorts(config, run, metrics.onCommand);
  const record: RecordEvent = (about, event) =>
    log.info({ object: `${about.kind}/${about.name}`, code: event.reason }, event.message);
  const work = createWork({ config, client, ports, metrics, record, log });
  const { nodeName, csiEndpoint, metricsEndpoint } = config;
  const volumes = createNodeVolumes({ client, nodeName, heard: (name) => work.volumes.get(name), write: work.write });

  const components: Component[] = [background('work', (stopping) => work.run(stopping))];
  if (csiEndpoint) {
    const ready = (): boolean => work.problem() === undefined;
    const identity = createIdentity({ driverName: config.driverName, version, controller: false, ready });
    const services = [identity, createNodeService({ nodeName, volumes, ...ports })];
    components.push(
      createCsiServer({ name: 'csi node', endpoint: csiEndpoint, services, log, onCall: metrics.onCall }),
    );
  }
  if (metricsEndpoint) {
    const ready = { objects: work.problem };
    components.push(createOpsServer({ endpoint: metricsEndpoint, live: {}, ready, metrics: metrics.page, log }));
  }
  await runComponents(components, { log, stopMs: STOP_MS }, signal);
}
