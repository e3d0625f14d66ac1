import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { end, start } from './processes.ts';

/** A process supervised as a kubelet supervises a container: it is started again a moment after each end. */
export interface Supervised {
  readonly name: string;
  /** Number of ends that nobody asked for. */
  readonly restarts: number;
  /** Sends SIGKILL, as the kernel does when memory is short; the process is started again. */
  kill(): Promise<void>;
  /** Sends SIGTERM; the process stays away until `start`. */
  stop(): Promise<void>;
  start(): void;
}

const AGAIN_MS = 1000;

/** Starts a process; its output goes to `<dir>/<name>.log`. */
export function supervise(dir: string, name: string, argv: readonly string[], env?: NodeJS.ProcessEnv): Supervised {
  let child: ChildProcess | undefined;
  let restarts = 0;
  let wanted = new AbortController();

  const keep = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      child = start(dir, name, argv, env);
      await new Promise((resolve) => child?.once('exit', resolve));
      if (signal.aborted) return;
      restarts += 1;
      await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  void keep(wanted.signal);

  return {
    name,
    get restarts() {
      return restarts;
    },
    kill: async () => {
      if (child?.pid === undefined || child.exitCode !== null) return;
      const gone = new Promise((resolve) => child?.once('exit', resolve));
      for (const pid of await childrenOf(child.pid)) process.kill(pid, 'SIGKILL');
      await gone;
    },
    stop: async () => {
      wanted.abort();
      if (child) await end(child, 20_000);
    },
    start: () => {
      if (!wanted.signal.aborted) return;
      wanted = new AbortController();
      void keep(wanted.signal);
    },
  };
}

/** Finds the program inside `timeout`, which is the process that was started. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
