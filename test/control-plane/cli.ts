// The cluster for people: `cli.ts up`, `down`. `hold` is the process that stays behind and owns the cluster.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { builtBinaries } from './cluster.ts';
import { buildProgram } from './program.ts';
import { startSystem } from './system.ts';

const { env } = process;
const cache = path.join(
  env['OPEN_LOCAL_CACHE'] ?? path.join(env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'open-local'),
  'cluster',
);
const stateFile = path.join(cache, 'up.json');
const logFile = path.join(cache, 'up.log');
/** As its processes, which end after an hour whatever happens. */
const HOUR_MS = 3_600_000;
const NODES = { prefix: 'node', count: 3, disks: '/dev/sdb:100Gi:ssd' };

interface State {
  /** Of the process that holds the cluster. */
  readonly pid: number;
  readonly kubeconfig: string;
  readonly kubectl: string;
}

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

async function findState(): Promise<State | undefined> {
  try {
    const state = JSON.parse(await readFile(stateFile, 'utf8')) as State;
    process.kill(state.pid, 0);
    return state;
  } catch {
    return undefined;
  }
}

async function up(): Promise<void> {
  if (await findState()) throw new Error('a cluster is up already: make cluster-down ends it');
  await builtBinaries();
  await mkdir(cache, { recursive: true });
  await using log = await open(logFile, 'w');
  const child = spawn(process.execPath, [import.meta.filename, 'hold'], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  const failed = once(child, 'exit').then(async () => Promise.reject(new Error(await readFile(logFile, 'utf8'))));
  await Promise.race([once(child, 'message'), failed]);
  child.disconnect();
  child.unref();
  const state = await findState();
  say(`The cluster is up for an hour, with ${NODES.count} pretend nodes. make cluster-down ends it.`);
  say(`export KUBECONFIG=${state?.kubeconfig ?? ''}\nalias kubectl=${state?.kubectl ?? ''}`);
}

/** Runs until it is told to end, or the hour is over. */
async function hold(): Promise<void> {
  const ending = AbortSignal.timeout(HOUR_MS);
  const told = Promise.race(['SIGTERM', 'SIGINT'].map((name) => once(process, name, { signal: ending })));
  await using program = await buildProgram();
  const system = await startSystem({ openLocal: program.file, groups: [NODES], replicas: 1 });
  const { cluster } = system;
  const state: State = { pid: process.pid, kubeconfig: cluster.admin, kubectl: cluster.binary('kubectl') };
  await writeFile(stateFile, JSON.stringify(state));
  process.send?.('up');
  await told.catch(() => undefined);
  await rm(stateFile, { force: true });
  await system.stop();
}

async function down(): Promise<void> {
  const state = await findState();
  if (!state) return void say('no cluster is up');
  process.kill(state.pid, 'SIGTERM');
  say('The cluster is ending.');
}

const verbs: Readonly<Record<string, () => Promise<void>>> = { up, hold, down };
const verb = verbs[process.argv[2] ?? ''];
try {
  if (!verb) throw new Error(`usage: cli.ts ${Object.keys(verbs).join('|')}`);
  await verb();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
