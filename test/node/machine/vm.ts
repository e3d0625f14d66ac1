import { execFile, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { end, start } from '../../control-plane/cluster/processes.ts';
import { freePorts } from '../../../sandbox/cluster/free-port.ts';
import { callGuest, quoted, type Control } from './control.ts';
import { diskArguments, type Disk } from './disk.ts';
import type { Image } from './image.ts';
import { acceptOne, createQmp, type Qmp } from './qmp.ts';
import { FILES, qemuArgv } from './qemu.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Time limit, ms; absent: 60 s. */
  readonly timeoutMs?: number;
  readonly input?: Uint8Array | string;
}

/** A virtual machine with Debian's kernel, real disks and nothing on it but what the tests need. */
export interface Vm extends AsyncDisposable {
  readonly dir: string;
  /** The port on this machine's loopback that leads to one of `forward`. Throws for another. */
  portTo(guestPort: number): number;
  /** Resolves when the machine that runs now has ended. */
  readonly ended: Promise<unknown>;
  /** Runs a program (argv) or a bash script as root. Any exit code is an outcome. */
  run(command: string | readonly string[], signal: AbortSignal, options?: RunOptions): Promise<Outcome>;
  /** Runs like `run`; throws with its output unless it ends with 0. Resolves to its standard output. */
  must(command: string | readonly string[], signal: AbortSignal, options?: RunOptions): Promise<string>;
  writeFile(target: string, content: Uint8Array | string, signal: AbortSignal): Promise<void>;
  readFile(source: string, signal: AbortSignal): Promise<Buffer>;
  /** Plugs disks in and waits until the node has seen them. Resolves to their devices, such as `/dev/sda`. */
  attach(disks: readonly Disk[], signal: AbortSignal): Promise<string[]>;
  /** Pulls a disk, even one in use, and waits until the node has noticed. */
  pull(serial: string, signal: AbortSignal): Promise<void>;
  /** Cuts the power: what was not written to the disks is lost. */
  cutPower(): Promise<void>;
  /** Unmounts, syncs, and turns the machine off. */
  shutDown(signal: AbortSignal): Promise<void>;
  /** Turns the machine on with the disks it had. Resolves when it takes commands. */
  boot(signal: AbortSignal): Promise<void>;
}

export interface VmOptions {
  readonly image: Image;
  readonly disks?: readonly Disk[];
  /** TCP ports of the guest to be reached from here. */
  readonly forward?: readonly number[];
  /** Memory in MiB; absent: 768. */
  readonly memoryMib?: number;
  readonly cgroup?: 'v1' | 'v2';
  /**
   * Room for the code of the guest as translated, MiB; absent: 256. A smaller one is slower for the few programs of
   * most tests. All is translated anew when it is full, which many large programs at once bring about time and again.
   */
  readonly translationMib?: number;
  /** Use of KVM; absent: as KVM=1 in the environment says. */
  readonly kvm?: boolean;
}

/** Port of the control server, as in guest/init. */
const CONTROL_PORT = 7000;
const BOOT_MS = 120_000;
/** Time until the first output of the kernel: four seconds, ten on a busy machine. */
const SILENT_MS = 40_000;
const RUN_MS = 60_000;
const ATTACH_MS = 90_000;

/** Starts a machine and waits until it can be worked with. It ends with this process in any case, and after an hour. */
export async function startVm(options: VmOptions, signal: AbortSignal): Promise<Vm> {
  const dir = await mkdtemp(path.join(tmpdir(), 'open-local-node-'));
  const vm = await createVm(dir, options, signal);
  try {
    await vm.boot(signal);
    return vm;
  } catch (error) {
    await vm[Symbol.asyncDispose]();
    throw error;
  }
}

async function createVm(dir: string, options: VmOptions, signal: AbortSignal): Promise<Vm> {
  const { image, memoryMib = 768, cgroup = 'v2', kvm = process.env['KVM'] === '1', translationMib = 256 } = options;
  const control = await prepare(dir, image, signal);
  const forward = options.forward ?? [];
  const ports = await freePorts(forward.length);
  const forwards = new Map([
    [control.port, CONTROL_PORT],
    ...ports.map((port, at) => [port, forward[at] ?? 0] as const),
  ]);
  const disks = new Map((options.disks ?? []).map((disk) => [disk.serial, disk]));
  let on: { readonly child: ChildProcess; readonly qmp: Qmp } | undefined;

  const running = (): Qmp => {
    if (!on) throw new Error('the node is turned off');
    return on.qmp;
  };
  const run: Vm['run'] = async (command, signal, { timeoutMs = RUN_MS, input } = {}) => {
    running();
    const script = typeof command === 'string' ? command : command.map(quoted).join(' ');
    const bytes = typeof input === 'string' ? Buffer.from(input) : input;
    const call = { script, timeoutMs, ...(bytes ? { input: bytes } : {}) };
    const { code, stdout, stderr } = await callGuest(control, call, signal);
    return { code, stdout: stdout.toString(), stderr: stderr.toString() };
  };
  const must: Vm['must'] = async (command, signal, options) => {
    const { code, stdout, stderr } = await run(command, signal, options);
    if (code !== 0) throw new Error(`on the node, ended with ${code}: ${String(command)}\n${stderr}${stdout}`);
    return stdout;
  };
  const off = async (): Promise<void> => {
    const child = on?.child;
    on = undefined;
    if (child) await end(child);
  };

  return {
    dir,
    portTo: (guestPort) => {
      const found = [...forwards].find(([, there]) => there === guestPort);
      if (!found) throw new Error(`port ${guestPort} of the node was not asked for: see VmOptions.forward`);
      return found[0];
    },
    get ended() {
      return on && on.child.exitCode === null ? once(on.child, 'exit') : Promise.resolve();
    },
    run,
    must,
    writeFile: async (target, content, signal) => {
      await must(`mkdir -p "$(dirname ${quoted(target)})" && cat > ${quoted(target)}`, signal, { input: content });
    },
    readFile: async (source, signal) => {
      const call = { script: `cat ${quoted(source)}`, timeoutMs: RUN_MS };
      const { code, stdout, stderr } = await callGuest(control, call, signal);
      if (code !== 0) throw new Error(`cannot read ${source} on the node: ${stderr.toString()}`);
      return stdout;
    },
    attach: async (added, signal) => {
      const qmp = running();
      for (const disk of added) {
        const { blockdevs, device } = diskArguments(disk);
        for (const node of blockdevs) await qmp.execute('blockdev-add', node, signal);
        await qmp.execute('device_add', device, signal);
        disks.set(disk.serial, disk);
      }
      const links = added.map(({ serial }) => linkOf(serial)).join(' ');
      // On a busy machine the kernel may not be told the size of a new disk at its first question.
      const sized = `for link in ${links}; do disk=$(readlink -f "$link")
        for i in $(seq 100); do
          [ "$(blockdev --getsize64 "$disk")" -eq 0 ] || break
          echo 1 > "/sys/block/\${disk#/dev/}/device/rescan"; sleep 0.1
        done
      done`;
      const script = `udevadm wait --timeout=60 ${links} && { ${sized}; } && readlink -f ${links}`;
      return (await must(script, signal, { timeoutMs: ATTACH_MS })).trim().split('\n');
    },
    pull: async (serial, signal) => {
      const qmp = running();
      const disk = disks.get(serial);
      if (!disk) throw new Error(`the node has no disk ${serial}`);
      const id = `device-${serial}`;
      const deleted = qmp.event('DEVICE_DELETED', (data) => data['device'] === id, signal);
      deleted.catch(() => {}); // awaited below, unless QEMU refuses
      await qmp.execute('device_del', { id }, signal);
      await deleted;
      for (const node of diskArguments(disk).blockdevs.toReversed())
        await qmp.execute('blockdev-del', { 'node-name': node['node-name'] }, signal);
      disks.delete(serial);
      await must(`udevadm wait --removed --timeout=30 ${linkOf(serial)}`, signal);
    },
    // SIGKILL would take the wrapper and leave QEMU; `quit` does not ask the guest either.
    cutPower: async () => {
      const child = on?.child;
      const gone = child && once(child, 'exit');
      await running()
        .execute('quit', {}, AbortSignal.timeout(BOOT_MS))
        .catch(() => undefined);
      await gone;
      await off();
    },
    shutDown: async (signal) => {
      const child = on?.child;
      const gone = child && once(child, 'exit', { signal: AbortSignal.any([signal, AbortSignal.timeout(BOOT_MS)]) });
      await run('sync; echo s > /proc/sysrq-trigger; echo u > /proc/sysrq-trigger', signal);
      // It may be gone before it has answered.
      await Promise.all([gone, run('echo o > /proc/sysrq-trigger', signal).catch(() => undefined)]);
      await off();
    },
    boot: async (signal) => {
      if (on) throw new Error('the node is turned on already');
      on = await powerOn(
        { image, dir, forwards, disks: [...disks.values()], memoryMib, cgroup, kvm, translationMib },
        signal,
      );
    },
    [Symbol.asyncDispose]: async () => {
      await off();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Makes a blank disk of this size in the machine's folder, and plugs it in. Resolves to its device. */
export async function attachDisk(
  vm: Pick<Vm, 'attach' | 'dir'>,
  { serial, mib, ...more }: Omit<Disk, 'file'> & { readonly mib: number },
  signal: AbortSignal,
): Promise<string> {
  const file = path.join(vm.dir, `${serial}.img`);
  await writeFile(file, '');
  await truncate(file, mib * 1024 ** 2);
  const [device = ''] = await vm.attach([{ serial, file, ...more }], signal);
  return device;
}

/** Path of a disk that does not change with the letters that the kernel gives. */
export const linkOf = (serial: string): string => `/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_${serial}`;

/** The machine's folder: its own root disk over the image, and the secret of its control server. */
async function prepare(dir: string, image: Image, signal: AbortSignal): Promise<Control> {
  const root = path.join(dir, FILES.root);
  await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.root, root], {
    signal,
  });
  const token = randomBytes(16).toString('hex');
  await writeFile(path.join(dir, FILES.token), token, { mode: 0o600 });
  const [port = 0] = await freePorts(1);
  return { port, token };
}

/** Error: the emulated processors ran, but the kernel printed nothing in the time limit. */
class SilentKernel extends Error {}

/**
 * Boots; on a hang before the first output of the kernel (once in some hundred boots, QEMU 7.2 without KVM) cycles the
 * power once, and logs where the processors were. Nothing of ours runs that early.
 */
async function powerOn(machine: Parameters<typeof qemuArgv>[0], signal: AbortSignal) {
  try {
    return await tryPowerOn(machine, signal);
  } catch (error) {
    if (!(error instanceof SilentKernel)) throw error;
    process.stderr.write(`the node is turned on again: ${error.message}\n`);
    return tryPowerOn(machine, signal);
  }
}

async function tryPowerOn(machine: Parameters<typeof qemuArgv>[0], signal: AbortSignal) {
  const { dir } = machine;
  const heardBefore = await consoleBytes(dir);
  const ended = new AbortController();
  const within = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(BOOT_MS)]);
  const sockets = Promise.all([FILES.qmp, FILES.ready].map((name) => acceptOne(path.join(dir, name), within)));
  sockets.catch(() => {});
  const child = start(dir, 'qemu', ['nice', '-n', '10', ...qemuArgv(machine)]);
  child.once('exit', () => ended.abort(new Error('QEMU ended')));
  try {
    const [monitor, ready] = await sockets;
    if (!monitor || !ready) throw new Error('QEMU has no monitor');
    const qmp = await createQmp(monitor, within);
    ready.on('error', () => {});
    const isReady = once(ready, 'data', { signal: within });
    const isSilent = await Promise.race([isReady.then(() => false), delay(SILENT_MS, true, { ref: false })]);
    if (isSilent && (await consoleBytes(dir)) === heardBefore) {
      isReady.catch(() => {});
      throw new SilentKernel(await processorsOf(qmp, within));
    }
    await isReady;
    ready.resume();
    return { child, qmp };
  } catch (error) {
    await end(child);
    if (error instanceof SilentKernel) throw error;
    throw new Error(`the node did not boot: ${String(error)}\n${await lastWords(dir)}`, { cause: error });
  }
}

const consoleBytes = async (dir: string): Promise<number> =>
  (await stat(path.join(dir, FILES.console)).catch(() => ({ size: 0 }))).size;

/** Where each processor is: its instruction pointer and flags. */
async function processorsOf(qmp: Qmp, signal: AbortSignal): Promise<string> {
  const registers = await qmp.execute('human-monitor-command', { 'command-line': 'info registers -a' }, signal);
  const lines = String(registers).split(/\r?\n/);
  return lines.filter((line) => /^(CPU#|[ER]IP=)/.test(line)).join(' ');
}

async function lastWords(dir: string): Promise<string> {
  const tails = await Promise.all(
    ['qemu.log', FILES.console].map(async (name) => {
      try {
        await using file = await open(path.join(dir, name));
        return (await readFile(file, 'utf8')).slice(-1500);
      } catch {
        return '';
      }
    }),
  );
  return tails.join('\n');
}
