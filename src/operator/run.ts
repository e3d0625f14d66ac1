import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { background } from '../daemon/background.ts';
import { createStandbyServer, type StandbyServer } from '../csi/standby-server.ts';
import { runComponents, type Component } from '../daemon/lifecycle.ts';
import type { SetLogLevel } from '../daemon/log.ts';
import type { Log } from '../model/log.ts';
import { createOpsServer } from '../daemon/ops-server.ts';
import { addBuildInfo, addProcessMetrics } from '../daemon/process-metrics.ts';
import type { KubeClient } from '../kube/client.ts';
import { runLeader, type LeaderOptions } from '../kube/lease/lease.ts';
import { EXTENDER_CALLED, OPERATOR } from '../model/well-known.ts';
import { createTracing, type Tracing } from '../trace/tracing.ts';
import type { Clock } from '../wait/clock.ts';
import type { OperatorConfig } from './config.ts';
import { createOperatorMetrics, type OperatorMetrics } from './metrics/metrics.ts';
import type { PageState } from '../page/source.ts';
import { createPageComponent } from './page/page-component.ts';
import { createTerm, type Term } from './term.ts';

export interface OperatorDeps {
  readonly client: KubeClient;
  /** Of this program, for GetPluginInfo. */
  readonly version: string;
  readonly log: Log;
  /** As of TermDeps. */
  readonly clock?: Clock;
  /** Called with what the NodeLocalStorageInitConfig asks for; absent: the level stays. */
  readonly setLogLevel?: SetLogLevel;
  /** As of TermDeps. */
  readonly collectGarbage?: (() => void) | undefined;
}

const LEASE = 'open-local-operator';
/** How long a term may take to stop. The kubelet kills a pod after 30 s. */
const STOP_MS = 25_000;

/**
 * Runs the operator until aborted: health and metrics from the start, everything else once it leads. Rejects when an
 * address is taken, and when the leadership is lost: another replica serves then, and this process must end.
 */
export async function runOperator(config: OperatorConfig, deps: OperatorDeps, signal: AbortSignal): Promise<void> {
  const { log } = deps;
  const metrics = createOperatorMetrics();
  const calls = createCallTimes(metrics);
  const stopMeasuring = addProcessMetrics(metrics.registry);
  addBuildInfo(metrics.registry, 'operator', deps.version);
  const tracing = tracingOf(config, deps, metrics);
  const { tracer } = tracing;
  const csi = standbyCsi(config, deps, { ...calls.metrics, tracer });
  let term: Term | undefined;
  const serve = async (stopping: AbortSignal): Promise<void> => {
    term = createTerm(config, { ...deps, csi, metrics: calls.metrics, ...(config.trace && { tracer }) });
    metrics.watch(term.sources);
    await term.run(stopping);
  };
  const looks = createLooks(config.leaseDurationMs);
  const pageState = (): PageState => (term?.page ? { source: term.page } : { leader: looks.leader() });
  const ready = {
    // Ready means that it serves, or could: a rollout and a drain wait for that, and only the leader is called.
    leader: () => (term ? undefined : looks.problem()),
    cluster: () => term?.notReady(),
  };
  const components: Component[] = [
    ...(tracing.component ? [tracing.component] : []),
    ...(csi ? [csi.socket] : []),
    ...pageOf(config, deps, pageState),
    background('serving', (stopping) =>
      lead(config, { ...deps, onLooked: looks.note, annotations: calls.annotations }, serve, stopping),
    ),
  ];
  if (config.metricsListen)
    components.unshift(
      createOpsServer({ endpoint: config.metricsListen, live: {}, ready, metrics: metrics.registry.pageInTurns, log }),
    );
  try {
    await runComponents(components, { log, stopMs: STOP_MS }, signal);
  } finally {
    stopMeasuring();
  }
}

/** The page is there before this replica leads: it then says who does. */
function pageOf(
  { pageListen: listen, extenderTlsDir: tlsDir }: OperatorConfig,
  { client, log }: OperatorDeps,
  state: () => PageState,
): Component[] {
  return listen ? [createPageComponent({ listen, tlsDir, client, state, log })] : [];
}

const tracingOf = (
  { trace, namespace, identity = hostname() }: OperatorConfig,
  { version, log }: OperatorDeps,
  { registry }: OperatorMetrics,
): Tracing =>
  createTracing(trace, {
    resource: {
      ...{ 'service.name': OPERATOR, 'service.version': version },
      ...{ 'k8s.namespace.name': namespace, 'k8s.pod.name': identity },
    },
    ...{ prefix: 'open_local', registry, log },
  });

/** The CSI socket is there before this replica leads: sidecars that find none exit, again and again. */
const standbyCsi = (
  { csiEndpoint, driverName }: OperatorConfig,
  { version, log }: OperatorDeps,
  { onCsiCall, tracer }: Pick<OperatorMetrics, 'onCsiCall'> & Pick<Tracing, 'tracer'>,
): StandbyServer | undefined =>
  csiEndpoint &&
  createStandbyServer({
    ...{ name: 'csi controller', endpoint: csiEndpoint, driverName, version },
    ...{ log, onCall: onCsiCall, tracer },
  });

/** Serves while this replica owns the Lease; without leader election at once. */
async function lead(
  { leaderElection, leaseDurationMs, namespace, identity = hostname() }: OperatorConfig,
  { client, log, onLooked, annotations }: OperatorDeps & Required<Pick<LeaderOptions, 'onLooked' | 'annotations'>>,
  serve: (stopping: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (!leaderElection) return serve(signal);
  const name = `${identity}_${randomUUID()}`;
  const contender = { client, namespace, name: LEASE, identity: name, ...leaseTimes(leaseDurationMs) };
  return runLeader({ ...contender, onElected: serve, onLooked, annotations, log }, signal);
}

/** The times of a Lease in the proportions that Kubernetes' own programs use: 15 s, 10 s and 2 s. */
const leaseTimes = (leaseDurationMs: number) => ({
  leaseDurationMs,
  renewDeadlineMs: (leaseDurationMs * 2) / 3,
  retryMs: (leaseDurationMs * 2) / 15,
});

/**
 * Tells whether a replica that waits could take the Lease: it saw it within `lookMs`, the Lease's duration, of which it
 * sleeps four fifteenths at most between two looks.
 */
function createLooks(lookMs: number) {
  let last: number | undefined;
  let owner: string | undefined;
  return {
    note: (now?: string): void => {
      last = performance.now();
      owner = now;
    },
    /** The pod that leads: its name is what an identity begins with, before what makes it unique. */
    leader: (): string | undefined => owner?.replace(/_[^_]*$/, ''),
    problem: (): string | undefined => {
      if (last === undefined) return 'the Lease was not read yet';
      const since = performance.now() - last;
      return since > lookMs ? `the Lease was last read ${Math.round(since / 1000)} s ago` : undefined;
    },
  };
}

/** Remembers when kube-scheduler last called, and tells it in the Lease: an operator that nobody calls looks fine. */
function createCallTimes(metrics: OperatorMetrics) {
  let called: Date | undefined;
  return {
    metrics: {
      ...metrics,
      onExtenderCall: (call: Parameters<OperatorMetrics['onExtenderCall']>[0]): void => {
        called = new Date();
        metrics.onExtenderCall(call);
      },
    },
    annotations: (): Readonly<Record<string, string>> =>
      called ? { [EXTENDER_CALLED]: called.toISOString().replace(/\.\d+/, '') } : {},
  };
}
