import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import path from 'node:path';

/** Time after which every process of a test cluster ends, whatever becomes of the test. */
const LIFETIME_S = 3600;

/**
 * Starts a program whose output goes to `<dir>/<name>.log`. The program ends with this process, and after an hour in
 * any case.
 */
export function start(
  dir: string,
  name: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const log = openSync(path.join(dir, `${name}.log`), 'a');
  const bounded = ['--pdeathsig', 'TERM', 'timeout', '--foreground', '--kill-after=5', String(LIFETIME_S), ...argv];
  const child = spawn('setpriv', bounded, { stdio: ['ignore', log, log], env, cwd: dir });
  closeSync(log);
  return child;
}

/** Asks the child to end, and kills it when it has not after `graceMs`. Resolves when it is gone. */
export async function end(child: ChildProcess, graceMs = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await gone;
  clearTimeout(force);
}
