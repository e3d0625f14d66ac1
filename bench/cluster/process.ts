import type { ChildProcess } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

/** USER_HZ, the same on every Linux. */
const TICKS_PER_SECOND = 100;

/**
 * Reads user and system time, in ms, of a program that `start` of test/control-plane runs inside `timeout`; 0 when it
 * is gone.
 */
export async function cpuMsOf({ pid }: Pick<ChildProcess, 'pid'>): Promise<number> {
  try {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return await cpuMs(children.trim().split(' ')[0] ?? '');
  } catch {
    return 0;
  }
}

/** Reads the CPU time of all programs that run in `dir`, by name; without those that ended meanwhile. */
export async function cpuMsIn(dir: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      if ((await readlink(`/proc/${pid}/cwd`)) !== dir) continue;
      const name = nameOf((await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0'));
      found[name] = (found[name] ?? 0) + (await cpuMs(pid));
    } catch {
      // The process ended while it was read.
    }
  }
  return found;
}

/** Our programs all run in Node: their verb is the better name. */
function nameOf([program = '', ...args]: readonly string[]): string {
  const verb = args.find((arg) => ['operator', 'sandbox', 'agent'].includes(arg));
  return path.basename(program) === 'node' && verb !== undefined ? `open-local ${verb}` : path.basename(program);
}

async function cpuMs(pid: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}
