import type { KubeClient } from '../../src/kube/client.ts';
import { present } from '../../src/model/present.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import type { Child } from './child.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import type { SnapshotStores, Stores } from '../controllers/deps.ts';
import type { Machine } from './machines.ts';
import { childrenOf, createPrograms, startPrograms, untilServing, type Programs } from './programs.ts';
import { createRecordEvent } from '../controllers/record-events.ts';
import { runStandIns } from './stand-ins.ts';

/** A cluster on this machine. */
export interface Cluster {
  readonly client: KubeClient;
  readonly stores: Stores & SnapshotStores;
  readonly kubeconfig: string;
  readonly machines: readonly Machine[];
  readonly operator: Child;
  /** Where the operator tells its metrics. */
  readonly metricsUrl: string;
  /** The operator's page; absent where it serves none. */
  readonly pageUrl?: string;
  /** Rejects when a program of ours ends by itself, or a stand-in fails. */
  readonly failed: Promise<never>;
  /** Ends everything that was started and detaches every disk, also after failures. */
  close(): Promise<void>;
}

/**
 * Starts everything and waits until operator and agents serve. When it throws, it has ended whatever it had started.
 */
export async function startCluster(options: ClusterOptions, signal: AbortSignal): Promise<Cluster> {
  await using started = new AsyncDisposableStack();
  const plane = await startControlPlane(options, started, signal);
  const programs = await createPrograms(options, plane.kubeconfig, started, signal);
  const crashed = quiet(Promise.race(childrenOf(programs).map((child) => child.crashed)));
  await startPrograms(programs, started);
  const ending = new AbortController();
  started.defer(() => ending.abort());
  const serving = untilServing(programs, plane.client, AbortSignal.any([signal, ending.signal]));
  await Promise.race([crashed, serving]);
  const standIns = startStandIns(options, { ...plane, ...programs }, started);

  const kept = started.move();
  return {
    ...plane,
    machines: programs.machines,
    operator: programs.operator,
    metricsUrl: programs.metricsUrl,
    ...present({ pageUrl: programs.pageUrl }),
    failed: quiet(Promise.race([crashed, standIns])),
    close: () => kept.disposeAsync(),
  };
}

/** Runs the stand-ins until the cluster is closed; the promise rejects when one of them fails. */
function startStandIns(
  { log }: ClusterOptions,
  parts: ControlPlane & Programs,
  started: AsyncDisposableStack,
): Promise<never> {
  const ending = new AbortController();
  const events = createRecordEvent(parts.client, log);
  const standIns = runStandIns({ ...parts, record: events.record, log, driver: DEFAULT_DRIVER }, ending.signal);
  const running = Promise.all([standIns, events.run(ending.signal)]);
  started.defer(async () => {
    ending.abort();
    await running.catch(() => undefined); // the failure was reported through `failed`
  });
  return quiet(running.then(() => new Promise<never>(() => {})));
}

/** Returns the same promise; its rejection is not reported as unhandled when nobody awaits it. */
function quiet(promise: Promise<never>): Promise<never> {
  promise.catch(() => {});
  return promise;
}
