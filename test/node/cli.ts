// The node for people: `cli.ts up`, `shell`, `down`. `hold` is the process that stays behind and owns the machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { leftRunning, runVerb, say } from '../left-running.ts';
import type { Disk } from './machine/disk.ts';
import { builtImage } from './machine/image.ts';
import { FILES } from './machine/qemu.ts';
import { startVm, type Vm } from './machine/vm.ts';

/** The agent's program, and the one that it starts for each copy. */
const PROGRAMS = ['agent.cjs', 'copy.cjs'].map((name) => path.join(import.meta.dirname, '../../dist', name));
const SPARE_DISKS = ['one', 'two', 'three', 'four'];
const SPARE_BYTES = 2 * 1024 ** 3;
const START_MS = 600_000;

const running = leftRunning<{ readonly dir: string }>('node');

async function up(): Promise<void> {
  if (await running.find()) throw new Error('a node is up already: make node-shell, or make node-down');
  await running.start(import.meta.filename);
  say(`The node is up for an hour, with blank disks ${SPARE_DISKS.join(', ')}: make node-shell, make node-down`);
}

/** Runs until it is told to end, or the hour of its machine is over. */
async function hold(): Promise<void> {
  const ending = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ending.abort());
  const starting = AbortSignal.any([ending.signal, AbortSignal.timeout(START_MS)]);
  await using vm = await startVm({ image: await builtImage(starting) }, starting);
  await vm.attach(await Promise.all(SPARE_DISKS.map((serial) => blankDisk(vm, serial))), starting);
  for (const file of PROGRAMS.filter((each) => existsSync(each)))
    await vm.writeFile(`/root/${path.basename(file)}`, await readFile(file), starting);
  await running.hold({ dir: vm.dir }, Promise.race([once(ending.signal, 'abort'), vm.ended]));
}

async function blankDisk(vm: Vm, serial: string): Promise<Disk> {
  const file = path.join(vm.dir, `${serial}.img`);
  await writeFile(file, '');
  await truncate(file, SPARE_BYTES);
  return { serial, file };
}

async function shell(): Promise<void> {
  const state = await running.find();
  if (!state) throw new Error('no node is up: make node-up');
  say('Ctrl-] leaves; press Enter for a prompt.');
  const terminal = ['-,raw,echo=0,escape=0x1d', `UNIX-CONNECT:${path.join(state.dir, FILES.shell)}`];
  await once(spawn('socat', terminal, { stdio: 'inherit' }), 'exit');
}

async function down(): Promise<void> {
  const state = await running.find();
  if (!state) return void say('no node is up');
  process.kill(state.pid, 'SIGTERM');
  say('The node is turned off.');
}

await runVerb({ up, hold, shell, down });
