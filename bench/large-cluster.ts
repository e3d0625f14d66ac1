import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from './child.ts';
import type { VolumeGrown } from './scale-api.ts';

/** The built operator, which has read a large cluster from an API server that costs it nothing but reading. */
export interface LargeCluster extends AsyncDisposable {
  readonly pid: number;
  /** From the operator's start until it answered that it is ready, s. */
  readonly readySeconds: number;
  /** Lets the API server tell that a volume has another size. */
  grow(change: VolumeGrown): void;
}

interface Wanted {
  readonly nodes: number;
  readonly pods: number;
  readonly format: 'protobuf' | 'json';
  /** Flags of the operator besides those that let it run here. */
  readonly flags?: readonly string[];
}

const MIB = 1024 ** 2;
/** USER_HZ, the same on every Linux. */
const TICKS_PER_SECOND = 100;
const GIVE_UP_MS = 120_000;
const root = path.join(import.meta.dirname, '..');

/** Starts both and waits until the operator is ready. Throws when nothing was built or it never is. */
export async function startLargeCluster({ nodes, pods, format, flags = [] }: Wanted): Promise<LargeCluster> {
  if (!existsSync(path.join(root, 'dist/open-local.cjs'))) throw new Error('build first: make build');
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-large-'));
  const api = await startChild('scale-api.ts', [nodes, pods, format]);
  let operator: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    operator?.kill('SIGTERM');
    if (operator?.exitCode === null) await once(operator, 'exit');
    await api.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const kubeconfig = path.join(folder, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigFor(api.port));
    const socket = path.join(folder, 'ops.sock');
    const own = [
      ...['--kubeconfig', kubeconfig, '--no-leader-election', '--extender-listen', '127.0.0.1:0'],
      ...['--csi-endpoint', `unix://${folder}/csi.sock`, '--metrics-listen', `unix://${socket}`, '--log-level', 'warn'],
    ];
    const started = performance.now();
    operator = spawn(path.join(root, 'bin/open-local'), ['operator', ...own, ...flags], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const readySeconds = await ready(socket, started);
    return { pid: operator.pid!, readySeconds, grow: (change) => api.tell(change), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
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

export interface Memory {
  readonly rssMiB: number;
  readonly peakMiB: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { rssMiB: (kib('VmRSS') * 1024) / MIB, peakMiB: (kib('VmHWM') * 1024) / MIB };
}

/** Reads user and system time so far, s; unlike the time to ready it does not grow with other load on the machine. */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [utime, stime] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return ((utime ?? 0) + (stime ?? 0)) / TICKS_PER_SECOND;
}

const kubeconfigFor = (port: number): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
