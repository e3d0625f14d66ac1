import { truncate, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { Run } from '../../src/exec/run.ts';
import { Fault, textOf } from '../../src/model/fault.ts';
import type { StoryDisk } from '../story/story.ts';

export interface Loops {
  /**
   * Makes a sparse file, a loop device over it, and the filesystem that the story puts on it. Returns the device's
   * path.
   */
  attach(disk: StoryDisk, file: string, signal: AbortSignal): Promise<string>;
  /** Detaches every device that `add` made, also after failures. Throws the first failure when all were tried. */
  detachAll(): Promise<void>;
}

const TIMEOUT_MS = 30_000;

/**
 * Attaches a loop device that can be written over a file; resolves to its path. Nothing cuts it: a device that it made
 * would stay attached unknown.
 */
export async function attachLoop(run: Run, file: string): Promise<string> {
  const call = async (...argv: readonly string[]): Promise<string> =>
    (await run(argv, { timeoutMs: TIMEOUT_MS }, AbortSignal.timeout(TIMEOUT_MS))).stdout.trim();
  const device = await call('losetup', '--find', '--show', file);
  try {
    // A loop device that somebody made read-only stays so when it is another's.
    await call('blockdev', '--setrw', device);
    return device;
  } catch (error) {
    await call('losetup', '--detach', device);
    throw error;
  }
}

/** Loop devices on sparse files: disks for real lvm2. Needs root. */
export function createLoops(run: Run): Loops {
  const attached: string[] = [];
  return {
    attach: async ({ size, holds }, file, signal) => {
      await writeFile(file, '');
      await truncate(file, size);
      if (holds !== undefined) await run([`mkfs.${holds}`, '-q', file], { timeoutMs: TIMEOUT_MS }, signal);
      const device = await attachLoop(run, file);
      attached.push(device);
      return device;
    },
    detachAll: async () => {
      const failures: string[] = [];
      for (const device of attached.splice(0)) {
        const detached = run(
          ['losetup', '--detach', device],
          { timeoutMs: TIMEOUT_MS },
          AbortSignal.timeout(TIMEOUT_MS),
        );
        await detached.catch((error: unknown) => failures.push(`${device}: ${textOf(error)}`));
      }
      if (failures.length > 0) throw new Fault('precondition', `loop devices left behind: ${failures.join('; ')}`);
    },
  };
}

/** Throws Fault `precondition` saying what the machine lacks for loop devices with lvm2. */
export async function assertRealDisksPossible(run: Run, signal: AbortSignal): Promise<void> {
  if (userInfo().uid !== 0) throw new Fault('precondition', '--lvm=real needs root: loop devices are made for it');
  const needs = [
    { argv: ['lvm', 'version'], what: 'lvm2 (for example apt-get install lvm2)' },
    { argv: ['losetup', '--find'], what: 'loop devices' },
  ];
  for (const { argv, what } of needs) {
    try {
      await run(argv, { timeoutMs: TIMEOUT_MS }, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new Fault('precondition', `--lvm=real needs ${what}: ${textOf(error)}`, { cause: error });
    }
  }
}

/**
 * Writes an lvm.conf that lets LVM see these devices and nothing else of the machine and that does metadata only: the
 * machine may have no device-mapper. The directory is for LVM_SYSTEM_DIR.
 */
export async function writeLvmConf(directory: string, devices: readonly string[]): Promise<void> {
  const accept = devices.map((device) => `"a|^${device}$|"`).join(', ');
  const lines = [
    `global { activation = 0 }`,
    `devices { use_devicesfile = 0 global_filter = [ ${accept}, "r|.*|" ] }`,
    `backup { backup = 0 archive = 0 }`,
  ];
  await writeFile(path.join(directory, 'lvm.conf'), `${lines.join('\n')}\n`);
}
