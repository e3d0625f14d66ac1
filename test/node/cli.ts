// The node for people: `cli.ts up`, `shell`, `down`. `hold` is the process that stays behind and owns the machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Disk } from './disk.ts';
import { builtImage } from './image.ts';
import { FILES } from './qemu.ts';
import { startVm, type Vm } from './vm.ts';

const { env } = process;
const cache = path.join(
  env['OPEN_LOCAL_CACHE'] ?? path.join(env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'open-local'),
  'node',
);
const stateFile = path.join(cache, 'up.json');
const agent = path.join(import.meta.dirname, '../../dist/agent.cjs');
const SPARE_DISKS = ['one', 'two', 'three', 'four'];
const SPARE_BYTES = 2 * 1024 ** 3;
const START_MS = 600_000;

interface State {
  /** Of the process that holds the machine. */
  readonly pid: number;
  readonly dir: string;
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
  if (await findState()) throw new Error('a node is up already: make node-shell, or make node-down');
  await mkdir(cache, { recursive: true });
  const logFile = path.join(cache, 'up.log');
  await using log = await open(logFile, 'w');
  const child = spawn(process.execPath, [import.meta.filename, 'hold'], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  const failed = once(child, 'exit').then(async () => Promise.reject(new Error(await readFile(logFile, 'utf8'))));
  await Promise.race([once(child, 'message'), failed]);
  child.disconnect();
  child.unref();
  say(`The node is up for an hour, with blank disks ${SPARE_DISKS.join(', ')}: make node-shell, make node-down`);
}

/** Runs until it is told to end, or the hour of its machine is over. */
async function hold(): Promise<void> {
  const ending = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ending.abort());
  const starting = AbortSignal.any([ending.signal, AbortSignal.timeout(START_MS)]);
  await using vm = await startVm({ image: await builtImage(starting) }, starting);
  await vm.attach(await Promise.all(SPARE_DISKS.map((serial) => blankDisk(vm, serial))), starting);
  if (existsSync(agent)) await vm.writeFile('/root/agent.cjs', await readFile(agent), starting);
  await writeFile(stateFile, JSON.stringify({ pid: process.pid, dir: vm.dir } satisfies State));
  process.send?.('up');
  await Promise.race([once(ending.signal, 'abort'), vm.ended]);
  await rm(stateFile, { force: true });
}

async function blankDisk(vm: Vm, serial: string): Promise<Disk> {
  const file = path.join(vm.dir, `${serial}.img`);
  await writeFile(file, '');
  await truncate(file, SPARE_BYTES);
  return { serial, file };
}

async function shell(): Promise<void> {
  const state = await findState();
  if (!state) throw new Error('no node is up: make node-up');
  say('Ctrl-] leaves; press Enter for a prompt.');
  const terminal = ['-,raw,echo=0,escape=0x1d', `UNIX-CONNECT:${path.join(state.dir, FILES.shell)}`];
  await once(spawn('socat', terminal, { stdio: 'inherit' }), 'exit');
}

async function down(): Promise<void> {
  const state = await findState();
  if (!state) return void say('no node is up');
  process.kill(state.pid, 'SIGTERM');
  say('The node is turned off.');
}

const verbs: Readonly<Record<string, () => Promise<void>>> = { up, hold, shell, down };
const verb = verbs[process.argv[2] ?? ''];
try {
  if (!verb) throw new Error(`usage: cli.ts ${Object.keys(verbs).join('|')}`);
  await verb();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
