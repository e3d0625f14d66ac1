import { rm } from 'node:fs/promises';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { STORAGE_CLASSES } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import { DEFAULT_DRIVER, MARK } from '../../src/model/well-known.ts';
import { startCluster } from '../../test/control-plane/cluster/cluster.ts';
import { applyFolder } from '../../test/control-plane/system/deployed.ts';
import { startChild } from '../child.ts';
import { CLASS, runBurst, type BurstOptions, type BurstResult } from './bursts.ts';
import { markPods } from './mark-pods.ts';
import { GROUP, makeNodes } from './nodes.ts';
import { extenderCalls, startOperator } from './operator.ts';
import { say } from '../report.ts';

const CASES = ['none', 'echo', 'ours', 'ours, bind', 'ours, marked'] as const;
type Case = (typeof CASES)[number];

export interface SchedulingRow extends BurstResult {
  readonly nodes: number;
  readonly claims: 0 | 1;
  readonly extender: Case;
  readonly round: number;
  /** Time of each verb by the extender's own clock, ms, and number of calls. */
  readonly calls?: Readonly<Record<string, { readonly ms: number; readonly calls: number }>>;
}

export interface SchedulingPlan {
  readonly nodes: readonly number[];
  readonly pods: number;
  readonly warmUp: number;
  /** Rounds of each case, for pods without and with a claim. */
  readonly rounds: Readonly<Record<0 | 1, number>>;
  /** Time after which no further round starts, ms: on a busy machine later rounds are left out. */
  readonly budgetMs: number;
}

const never = new AbortController().signal;

/**
 * Starts etcd, kube-apiserver and kube-scheduler without controllers: admission plug-ins that need one are off, and
 * nodes get no taint that one would have to remove.
 */
const API_FLAGS = [
  '--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection,TaintNodesByCondition',
  '--delete-collection-workers=20',
];

/**
 * Measures bursts of pods through a real kube-scheduler without an extender, with one that echoes, and with ours, in
 * turns, so that other load on the machine hits all alike. `onRows` gets the results so far after each kind of burst.
 */
export async function benchScheduling(
  openLocal: string,
  plan: SchedulingPlan,
  onRows: (soFar: readonly SchedulingRow[]) => Promise<void>,
): Promise<SchedulingRow[]> {
  const cluster = await startCluster({ flags: { 'kube-apiserver': API_FLAGS } });
  const client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'bench' });
  const rows: SchedulingRow[] = [];
  try {
    await applyFolder(cluster, 'crds');
    await client.create(STORAGE_CLASSES, STORAGE_CLASS, never);
    let made = 0;
    const started = performance.now();
    for (const [i, nodes] of plan.nodes.entries()) {
      const until = started + (plan.budgetMs * (i + 1)) / plan.nodes.length;
      await makeNodes(client, made, nodes);
      made = nodes;
      for (const claims of [0, 1] as const) {
        rows.push(...(await playRounds({ cluster, client, claims, nodes, until }, plan, openLocal)));
        await onRows(rows);
      }
    }
  } finally {
    client.close();
    await cluster.stop();
  }
  // Logs are kept only when something failed: they are in memory.
  await rm(cluster.dir, { recursive: true, force: true });
  return rows;
}

const STORAGE_CLASS = {
  metadata: { name: CLASS },
  provisioner: DEFAULT_DRIVER,
  parameters: { volumeType: 'LVM', vgName: GROUP },
  volumeBindingMode: 'WaitForFirstConsumer',
} as const;

interface RoundsAt extends Pick<BurstOptions, 'cluster' | 'client' | 'claims'> {
  readonly nodes: number;
  /** Time after which no second round starts; ms. */
  readonly until: number;
}

async function playRounds(
  { nodes, until, ...at }: RoundsAt,
  { pods, warmUp, rounds }: SchedulingPlan,
  openLocal: string,
): Promise<SchedulingRow[]> {
  const rows: SchedulingRow[] = [];
  for (let round = 1; round <= rounds[at.claims]; round += 1) {
    if (round > 1 && performance.now() > until) break;
    const results = await playRound({ ...at, pods, warmUp }, openLocal);
    rows.push(...results.map((result) => tell({ nodes, claims: at.claims, round, ...result })));
  }
  return rows;
}

type Burst = Omit<BurstOptions, 'extenders' | 'extenderCpuMs'>;
type Result = Omit<SchedulingRow, 'nodes' | 'claims' | 'round'>;

/** Runs the operator only during its own bursts: it hears of every pod, which would slow down the other cases. */
async function playRound(burst: Burst, openLocal: string): Promise<Result[]> {
  const none = await runBurst({ ...burst, extenders: [] });
  return [{ extender: 'none', ...none }, await playEcho(burst), ...(await playOurs(burst, openLocal))];
}

async function playEcho(burst: Burst): Promise<Result> {
  const echo = await startChild('cluster/echo.ts', []);
  const extenderCpuMs = async (): Promise<number> => {
    const { cpu } = await echo.usage();
    return (cpu.user + cpu.system) / 1000;
  };
  try {
    const extenders = [extenderAt(`http://127.0.0.1:${echo.port}`)];
    return { extender: 'echo', ...(await runBurst({ ...burst, extenders, extenderCpuMs })) };
  } finally {
    await echo.stop();
  }
}

/**
 * What each case has besides: what `open-local scheduler-config` prints without flags, with --bind, and with
 * --marked-pods.
 */
const OURS: readonly (readonly [Case, object])[] = [
  ['ours', {}],
  ['ours, bind', { bindVerb: 'bind' }],
  ['ours, marked', { managedResources: [{ name: MARK }] }],
];

async function playOurs(burst: Burst, openLocal: string): Promise<Result[]> {
  const operator = await startOperator(burst.cluster, openLocal);
  const results: Result[] = [];
  try {
    for (const [extender, more] of OURS) {
      const before = await operator.metrics();
      const extenders = [{ ...extenderAt(`http://127.0.0.1:${operator.port}/scheduler`), ...more }];
      await using _ = extender === 'ours, marked' ? await markPods(burst) : undefined;
      const result = await runBurst({ ...burst, extenders, extenderCpuMs: () => operator.cpuMs() });
      results.push({ extender, ...result, calls: extenderCalls(before, await operator.metrics()) });
    }
  } finally {
    await operator.stop();
  }
  return results;
}

const extenderAt = (urlPrefix: string): Readonly<Record<string, unknown>> => ({
  urlPrefix,
  filterVerb: 'filter',
  prioritizeVerb: 'prioritize',
  weight: 10,
  nodeCacheCapable: true,
  ignorable: false,
  httpTimeout: '5s',
});

function tell(row: SchedulingRow): SchedulingRow {
  const { nodes, claims, extender, podsPerSecond, load } = row;
  say(`  ${nodes} nodes, ${claims} claims, ${extender}: ${podsPerSecond.toFixed(0)} pods/s (load ${load.toFixed(1)})`);
  return row;
}
