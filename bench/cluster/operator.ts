import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../../test/control-plane/cluster/cluster.ts';
import { deployedArgs } from '../../test/control-plane/system/deployed.ts';
import { end, start } from '../../test/control-plane/cluster/processes.ts';
import { freePorts } from '../../sandbox/cluster/free-port.ts';
import { textAt } from './api.ts';
import { cpuMsOf } from './process.ts';
import { parsePage, sumOf, type Page } from './prometheus.ts';

/** The operator as deploy/ starts it, but alone, over plain HTTP, and without sidecars. */
export interface BenchOperator {
  /** URL of the extender. */
  readonly port: number;
  cpuMs(): Promise<number>;
  metrics(): Promise<Page>;
  stop(): Promise<void>;
}

const READY_MS = 120_000;

/** Starts it and waits until it is ready. */
export async function startOperator(cluster: Cluster, openLocal: string): Promise<BenchOperator> {
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const metricsUrl = `http://127.0.0.1:${metricsPort}`;
  const args = deployedArgs('operator.yaml', 'operator', {
    kubeconfig: cluster.admin,
    'extender-listen': `127.0.0.1:${port}`,
    'extender-tls-dir': undefined,
    'extender-tls-secret': undefined,
    'extender-allowed-clients': undefined,
    'metrics-listen': `127.0.0.1:${metricsPort}`,
    'csi-endpoint': `unix://${path.join(cluster.dir, 'bench-csi.sock')}`,
    // NodeLocalStorage objects exist already.
    'init-config': 'none',
    'log-level': 'warn',
  });
  const process = start(cluster.dir, 'bench-operator', [openLocal, ...args, '--no-leader-election']);
  const operator: BenchOperator = {
    port,
    cpuMs: () => cpuMsOf(process),
    metrics: async () => parsePage(await textAt(`${metricsUrl}/metrics`)),
    stop: () => end(process),
  };
  const deadline = performance.now() + READY_MS;
  while (!(await textAt(`${metricsUrl}/readyz`).then(Boolean, () => false))) {
    if (process.exitCode !== null || performance.now() > deadline)
      throw new Error(`the operator is not ready: see ${cluster.dir}/bench-operator.log`);
    await delay(100);
  }
  return operator;
}

/** Compares two pages of metrics: mean time of each verb of the extender, in ms, and number of its calls. */
export function extenderCalls(
  before: Page,
  after: Page,
): Record<string, { readonly ms: number; readonly calls: number }> {
  const name = 'open_local_extender_call_seconds';
  const between = (part: string, verb: string): number =>
    sumOf(after, `${name}_${part}`, { verb }) - sumOf(before, `${name}_${part}`, { verb });
  const verbs = ['filter', 'prioritize', 'bind'].map((verb) => {
    const calls = between('count', verb);
    return [verb, { calls, ms: calls === 0 ? 0 : (1000 * between('sum', verb)) / calls }] as const;
  });
  return Object.fromEntries(verbs);
}
