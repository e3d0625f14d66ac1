import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CLAIMS, STORAGE_CLASSES } from '../../src/kube/resource.ts';
import { DEFAULT_DRIVER, SELECTED_NODE, TOPOLOGY_KEY } from '../../src/model/well-known.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import { CSI_NODES } from '../../sandbox/controllers/kinds.ts';
import { countByKind, mark, readRequests } from '../../test/control-plane/instruments/audit.ts';
import { deployedArgs } from '../../test/control-plane/system/deployed.ts';
import { supervise, type Supervised } from '../../test/control-plane/cluster/supervised.ts';
import { startSystem, type System } from '../../test/control-plane/system/system.ts';
import { startChild } from '../child.ts';
import { textAt } from './api.ts';
import { GROUP, makeNodes, nodeAt } from './nodes.ts';
import { cpuMsIn } from './process.ts';
import { parsePage, sumOf, type Page } from './prometheus.ts';
import { runFakeAgents } from './fake-agent.ts';
import { say } from '../report.ts';
import { percentile } from '../statistics.ts';

/**
 * Drivers that answer CreateVolume: one with nothing behind it (floor), ours with fake agents, and ours with real
 * agents.
 */
const SIDES = ['floor', 'fake agents', 'ours'] as const;
export type Side = (typeof SIDES)[number];

export interface ClaimTimes {
  readonly side: Side;
  readonly claims: number;
  /** Time from creation of a claim to Bound, ms. */
  readonly p50: number;
  readonly p99: number;
  /** Mean time of CreateVolume by the driver's own clock, ms; absent for the floor. */
  readonly createVolumeMs?: number;
  /**
   * CPU time for one claim in a burst, ms, by program; unlike elapsed time it does not grow with other load on the
   * machine.
   */
  readonly cpu?: Readonly<Record<string, number>>;
  readonly load: number;
}

export interface ClaimsResult {
  /** All claims at once: most of the time is the sidecars' limit of requests. */
  readonly burst: readonly ClaimTimes[];
  /** One claim after another, slowly enough that nothing queues; drivers take turns. */
  readonly paced: readonly ClaimTimes[];
  /** API requests for one claim of `ours` in the burst, by program and `verb resource`. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface ClaimsPlan {
  readonly burst: number;
  readonly paced: number;
}

const FLOOR = 'floor.csi.example.com';
const NODES = 10;
const AT_ONCE = 40;
const PACE_MS = 150;
const GIVE_UP_MS = 300_000;
const never = new AbortController().signal;
const CLASS_OF: Readonly<Record<Side, string>> = {
  floor: 'bench-floor',
  'fake agents': 'bench-ours',
  ours: 'bench-ours',
};
const agentNode = (i: number): string => `agent-${i}`;
const nodeOf = (side: Side, i: number): string =>
  side === 'fake agents' ? nodeAt(i % NODES) : agentNode((i % NODES) + 1);

/** Starts the whole system, and beside it the floor driver behind a provisioner with the same arguments. */
export async function benchClaims(openLocal: string, plan: ClaimsPlan): Promise<ClaimsResult> {
  await using started = new AsyncDisposableStack();
  const groups = [{ prefix: 'agent', count: NODES, disks: '/dev/sdb:500Gi:ssd' }];
  const system = await startSystem({ openLocal, groups, replicas: 1, audit: true });
  started.defer(() => system.stop());
  const floor = await startFloor(system);
  started.defer(() => floor.stop());
  const ending = new AbortController();
  started.defer(() => ending.abort());
  await startFakeAgents(system, ending.signal);
  for (const side of ['floor', 'ours'] as const) await makeClass(system, side);
  await play(
    system,
    SIDES.map((side) => ({ side, count: 20 })),
    'warm-up',
  );

  const paced = await play(
    system,
    SIDES.map((side) => ({ side, count: plan.paced })),
    'paced',
  );
  const burst: ClaimTimes[] = [];
  let requests: ClaimsResult['requests'] = {};
  for (const side of SIDES) {
    const from = await mark(system.cluster.dir, system.client, never);
    burst.push(...(await play(system, [{ side, count: plan.burst }], 'burst')));
    if (side === 'ours') requests = await requestsPerClaim(system, from, plan.burst);
  }
  await started.disposeAsync();
  // Logs are kept only when something failed: they are in memory.
  await rm(system.cluster.dir, { recursive: true, force: true });
  return { burst, paced, requests };
}

async function startFakeAgents({ client, stores }: System, signal: AbortSignal): Promise<void> {
  const names = Array.from({ length: NODES }, (_, i) => nodeAt(i));
  await makeNodes(client, 0, NODES);
  for (const name of names) await client.create(CSI_NODES, { metadata: { name }, spec: driversOf(name) }, never);
  runFakeAgents(client, stores.localVolumes, new Set(names), signal);
}

/** Makes the spec of a CSINode on which both drivers are registered. */
const driversOf = (nodeID: string) => ({
  drivers: [DEFAULT_DRIVER, FLOOR].map((name) => ({ name, nodeID, topologyKeys: [TOPOLOGY_KEY] })),
});

async function startFloor({ cluster, stores, client }: System): Promise<{ stop(): Promise<void> }> {
  const socket = path.join(cluster.dir, 'floor.sock');
  const driver = await startChild('cluster/floor-driver.ts', [FLOOR, socket]);
  for (const {
    metadata: { name = '' },
  } of stores.nodes.list())
    await client.patch(CSI_NODES, { name }, { type: 'merge', body: { spec: driversOf(name) } }, never);
  const args = deployedArgs('operator.yaml', 'csi-provisioner', {
    kubeconfig: path.join(cluster.dir, 'open-local-operator.kubeconfig'),
    'csi-address': socket,
    // It is alone, and the operator has no right to a Lease of another name than those of its own sidecars.
    'leader-election': undefined,
    'enable-capacity': undefined,
  });
  const env = { ...process.env, POD_NAMESPACE: 'open-local' };
  const sidecar: Supervised = supervise(
    cluster.dir,
    'floor-provisioner',
    [cluster.binary('csi-provisioner'), ...args],
    env,
  );
  return {
    stop: async () => {
      await sidecar.stop();
      await driver.stop();
    },
  };
}

async function makeClass({ client }: System, side: 'floor' | 'ours'): Promise<void> {
  await client.create(
    STORAGE_CLASSES,
    {
      metadata: { name: CLASS_OF[side] },
      provisioner: side === 'floor' ? FLOOR : DEFAULT_DRIVER,
      parameters: { volumeType: 'LVM', vgName: GROUP },
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    never,
  );
}

interface Wish {
  readonly side: Side;
  readonly count: number;
}

let wishes = 0;

/**
 * Creates claims whose node is already chosen, all at once or at a pace with drivers in turns, and waits until all are
 * Bound.
 */
async function play(system: System, sides: readonly Wish[], how: 'warm-up' | 'paced' | 'burst'): Promise<ClaimTimes[]> {
  wishes += 1;
  const load = loadavg()[0] ?? 0;
  const before = await operatorPage(system);
  const cpuBefore = await cpuMsIn(system.cluster.dir);
  const nameOf = (side: Side, i: number): string => `${side.replace(' ', '-')}-${wishes}-${i}`;
  const total = Math.max(...sides.map(({ count }) => count));
  const claims = Array.from({ length: total }, (_, i) =>
    sides.map(({ side }) => ({ side, i, name: nameOf(side, i) })),
  ).flat();
  const createdAt = new Map<string, number>();
  const bound = untilBound(
    system,
    claims.map(({ name }) => name),
  );
  await forEachOf(claims, how === 'burst' ? AT_ONCE : 1, async ({ side, i, name }) => {
    createdAt.set(name, performance.now());
    await makeClaim(system, { name, storageClass: CLASS_OF[side], node: nodeOf(side, i) });
    if (how !== 'burst') await delay(PACE_MS);
  });
  const boundAt = await bound;
  const after = await operatorPage(system);
  const cpu = difference(cpuBefore, await cpuMsIn(system.cluster.dir), claims.length);
  return sides.map(({ side, count }) => {
    const times = claims
      .filter((claim) => claim.side === side)
      .map(({ name }) => (boundAt.get(name) ?? Number.NaN) - (createdAt.get(name) ?? 0));
    const p50 = percentile(times, 0.5);
    const p99 = percentile(times, 0.99);
    say(
      `  ${how}, ${side}: ${count} claims, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms (load ${load.toFixed(1)})`,
    );
    const result = { side, claims: count, p50, p99, load };
    if (how !== 'burst') return result;
    return { ...result, cpu, ...(side === 'floor' ? {} : { createVolumeMs: createVolumeMs(before, after) }) };
  });
}

/** Growth of CPU time of each program for one claim, largest first; programs with next to none are left out. */
function difference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  claims: number,
): Record<string, number> {
  const grown = Object.entries(after).map(([name, ms]) => [name, (ms - (before[name] ?? 0)) / claims] as const);
  const kept = grown.filter(([, ms]) => ms >= 0.1).map(([name, ms]) => [name, Number(ms.toFixed(2))] as const);
  return Object.fromEntries(kept.toSorted(([, a], [, b]) => b - a));
}

async function makeClaim(
  { client }: System,
  { name, storageClass, node }: { readonly name: string; readonly storageClass: string; readonly node: string },
): Promise<void> {
  const metadata = { namespace: 'default', name, annotations: { [SELECTED_NODE]: node } };
  const spec = {
    accessModes: ['ReadWriteOnce'],
    storageClassName: storageClass,
    resources: { requests: { storage: '1Gi' } },
  };
  await client.create(CLAIMS, { metadata, spec }, never);
}

/** Times at which claims were seen to be Bound, ms. */
async function untilBound({ stores }: System, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const waiting = new Set(names);
  const at = new Map<string, number>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const end = stores.claims.subscribe(({ metadata: { name = '' }, status }) => {
    if (status?.phase !== 'Bound' || !waiting.delete(name)) return;
    at.set(name, performance.now());
    if (waiting.size === 0) resolve();
  });
  const timer = setTimeout(() => {
    reject(new Error(`${waiting.size} claims are not bound, such as ${[...waiting].slice(0, 3).join(', ')}`));
  }, GIVE_UP_MS);
  try {
    await promise;
    return at;
  } finally {
    clearTimeout(timer);
    end();
  }
}

async function operatorPage(system: System): Promise<Page> {
  return parsePage(await textAt(system.leader().readyUrl.replace('/readyz', '/metrics')));
}

function createVolumeMs(before: Page, after: Page): number {
  const grown = (part: string): number => {
    const name = `open_local_csi_call_seconds_${part}`;
    const labels = { method: 'CreateVolume' };
    return sumOf(after, name, labels) - sumOf(before, name, labels);
  };
  return (1000 * grown('sum')) / Math.max(1, grown('count'));
}

async function requestsPerClaim(
  { cluster, client }: System,
  from: Awaited<ReturnType<typeof mark>>,
  claims: number,
): Promise<ClaimsResult['requests']> {
  const all = await readRequests(cluster.dir, from, await mark(cluster.dir, client, never));
  const byProgram = Object.groupBy(all, ({ program }) => program);
  const counted = Object.entries(byProgram).map(([program, requests = []]) => {
    const kinds = countByKind(requests.filter(({ verb }) => verb !== 'watch'));
    const each = Object.entries(kinds).map(([kind, count]) => [kind, Number((count / claims).toFixed(3))] as const);
    return [program, Object.fromEntries(each)] as const;
  });
  return Object.fromEntries(counted);
}
