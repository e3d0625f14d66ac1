import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * A system that one command leaves running for people until another command ends it. A process owns it; a file in the
 * cache names that process.
 */
export interface LeftRunning<State> {
  /** Finds the running system; undefined when its process is gone. */
  find(): Promise<(State & Owned) | undefined>;
  /**
   * Starts `file hold` as a process that outlives this one. Resolves when that process has called `hold`; throws with
   * its log when it ended before.
   */
  start(file: string): Promise<void>;
  /** Called in that process: announces that the system is up, and how to use it, until `over` resolves. */
  hold(state: State, over: Promise<unknown>): Promise<void>;
}

interface Owned {
  /** Pid of the process that owns it. */
  readonly pid: number;
}

/** Makes the handle of the system whose folder in the cache is `name`. */
export function leftRunning<State extends object>(name: string): LeftRunning<State> {
  const { OPEN_LOCAL_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = OPEN_LOCAL_CACHE ?? path.join(XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'open-local');
  const dir = path.join(cache, name);
  const stateFile = path.join(dir, 'up.json');
  return {
    find: async () => {
      try {
        const state = JSON.parse(await readFile(stateFile, 'utf8')) as State & Owned;
        process.kill(state.pid, 0);
        return state;
      } catch {
        return undefined;
      }
    },
    start: async (file) => {
      await mkdir(dir, { recursive: true });
      const logFile = path.join(dir, 'up.log');
      await using log = await open(logFile, 'w');
      const child = spawn(process.execPath, [file, 'hold'], {
        detached: true,
        stdio: ['ignore', log.fd, log.fd, 'ipc'],
      });
      const failed = once(child, 'exit').then(async () => Promise.reject(new Error(await readFile(logFile, 'utf8'))));
      await Promise.race([once(child, 'message'), failed]);
      child.disconnect();
      child.unref();
    },
    hold: async (state, over) => {
      await writeFile(stateFile, JSON.stringify({ ...state, pid: process.pid }));
      process.send?.('up');
      await over;
      await rm(stateFile, { force: true });
    },
  };
}

/** Runs the verb that the command line names. On an error prints its message and sets the exit code. */
export async function runVerb(verbs: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  const verb = verbs[process.argv[2] ?? ''];
  try {
    if (!verb) throw new Error(`usage: cli.ts ${Object.keys(verbs).join('|')}`);
    await verb();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

export const say = (line: string): unknown => process.stdout.write(`${line}\n`);
