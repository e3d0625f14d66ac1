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
  // A process that ended while it was read has no part.
  for (const [name, pid] of await programsIn(dir)) found[name] = (found[name] ?? 0) + (await cpuMs(pid).catch(() => 0));
  return found;
}

async function programsIn(dir: string): Promise<readonly (readonly [name: string, pid: string])[]> {
  const programs: (readonly [string, string])[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      if ((await readlink(`/proc/${pid}/cwd`)) !== dir) continue;
      programs.push([nameOf((await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')), pid]);
    } catch {
      // It ended while it was read.
    }
  }
  return programs;
}

/** Reads the resident memory of all programs that run in `dir`, in MB, by name; the largest of several of one name. */
export async function rssMbIn(dir: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [name, pid] of await programsIn(dir)) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const mb = (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024) / 1e6;
    found[name] = Math.max(found[name] ?? 0, mb);
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
