import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from './child.ts';
import { VOLUMES_PER_NODE } from './objects.ts';
import { goalLine, say, table, writeResult, type Goal } from './report.ts';

/**
 * `node bench/scale.ts [--quick] [--json]`: memory of the operator and its time to ready, as the built program, with
 * 5,000 nodes, 50,000 volumes (each with its claim and PersistentVolume) and 100,000 pods. With `--json` the API server
 * has no protobuf, as a proxy or a test's server may not.
 */

const quick = process.argv.includes('--quick');
const format = process.argv.includes('--json') ? 'json' : 'protobuf';
const NODES = quick ? 500 : 5000;
const PODS = NODES * 20;
const MIB = 1024 ** 2;
/**
 * Time for which the heap settles after readiness, ms: what was read is garbage, and the first full collections happen.
 */
const SETTLE_MS = 10_000;
/** USER_HZ, the same on every Linux. */
const TICKS_PER_SECOND = 100;
const GIVE_UP_MS = 120_000;

const program = path.join(import.meta.dirname, '../bin/open-local');
if (!existsSync(path.join(import.meta.dirname, '../dist/open-local.cjs'))) throw new Error('build first: make build');

const folder = await mkdtemp(path.join(tmpdir(), 'bench-scale-'));
const api = await startChild('scale-api.ts', [NODES, PODS, format]);
let operator: ChildProcess | undefined;
try {
  const kubeconfig = path.join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(api.port));
  const socket = path.join(folder, 'ops.sock');
  const load = loadavg()[0] ?? 0;
  const started = performance.now();
  operator = spawn(
    program,
    [
      'operator',
      '--kubeconfig',
      kubeconfig,
      '--no-leader-election',
      '--extender-listen',
      '127.0.0.1:0',
      '--csi-endpoint',
      `unix://${folder}/csi.sock`,
      '--metrics-listen',
      `unix://${socket}`,
      '--log-level',
      'warn',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const readySeconds = await ready(socket, started);
  const atReady = await memoryOf(operator.pid!);
  const cpuSeconds = await cpuOf(operator.pid!);
  await delay(SETTLE_MS);
  const settled = await memoryOf(operator.pid!);
  await tell({ readySeconds, cpuSeconds, load }, atReady, settled);
} finally {
  operator?.kill('SIGTERM');
  if (operator?.exitCode === null) await once(operator, 'exit');
  await api.stop();
  await rm(folder, { recursive: true, force: true });
}

interface Memory {
  readonly rssMiB: number;
  readonly peakMiB: number;
}

async function ready(socketPath: string, started: number): Promise<number> {
  while (performance.now() - started < GIVE_UP_MS) {
    if ((await statusOf(socketPath)) === 200) return (performance.now() - started) / 1000;
    await delay(50);
  }
  throw new Error(`the operator was not ready after ${GIVE_UP_MS / 1000} s`);
}

/** The answer to /readyz, or undefined while nobody listens. */
function statusOf(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get({ socketPath, path: '/readyz' }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', () => resolve(undefined));
  });
}

async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { rssMiB: (kib('VmRSS') * 1024) / MIB, peakMiB: (kib('VmHWM') * 1024) / MIB };
}

/** Reads user and system time so far, s; unlike the time to ready it does not grow with other load on the machine. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [utime, stime] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return ((utime ?? 0) + (stime ?? 0)) / TICKS_PER_SECOND;
}

interface Times {
  readonly readySeconds: number;
  readonly cpuSeconds: number;
  /** Load average of the machine over the minute before the start. */
  readonly load: number;
}

async function tell(times: Times, atReady: Memory, settled: Memory): Promise<void> {
  const { readySeconds, cpuSeconds, load } = times;
  say(
    table(
      ['nodes', 'volumes', 'pods', 'ready s', 'CPU s', 'load before', 'RSS when ready MiB', 'peak', 'RSS 10 s later'],
      [
        [
          NODES,
          NODES * VOLUMES_PER_NODE,
          PODS,
          readySeconds.toFixed(1),
          cpuSeconds.toFixed(1),
          load.toFixed(1),
          ...[atReady.rssMiB, settled.peakMiB, settled.rssMiB].map(Math.round),
        ],
      ],
    ),
  );
  const goals: Goal[] = [
    {
      goal: '(e) RSS at most 350 MB',
      measured: `${Math.round((settled.rssMiB * MIB) / 1e6)} MB`,
      met: settled.rssMiB * MIB <= 350e6,
    },
    { goal: '(e) ready within 5 s', measured: `${readySeconds.toFixed(1)} s`, met: readySeconds <= 5 },
  ];
  say(goals.map(goalLine).join('\n'));
  await writeResult('scale', {
    quick,
    nodes: NODES,
    volumes: NODES * VOLUMES_PER_NODE,
    pods: PODS,
    ...times,
    atReady,
    settled,
    goals,
  });
}

function kubeconfigFor(port: number): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
