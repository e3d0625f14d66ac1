import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, open } from 'node:fs/promises';
import { Fault } from '../../src/model/fault.ts';
import { endWithParent } from './end-with-parent.ts';

/**
 * A program of ours that can be killed and started again, like a container under a kubelet. It never outlives this
 * process.
 */
export interface Child {
  readonly name: string;
  /** The pid of the running process; undefined between an end and the next start. */
  readonly pid: number | undefined;
  start(): Promise<void>;
  /** Sends SIGKILL and waits until the process is gone. */
  kill(): Promise<void>;
  /** Sends SIGTERM, and SIGKILL after `stopMs`; waits until the process is gone. */
  stop(): Promise<void>;
  /** Rejects when the process ends without having been asked to. */
  readonly crashed: Promise<never>;
}

export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  /** File to which standard output and error of every start are appended. */
  readonly logFile: string;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly stopMs: number;
}

/** The only environment variables that a child inherits. */
const CHILD_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Returns a program that is not started yet. */
export function createChild({ name, argv, logFile, stopMs }: Program): Child {
  const crash = Promise.withResolvers<never>();
  crash.promise.catch(() => {}); // a crash while nobody awaits `crashed` is no unhandled rejection
  let running: ChildProcess | undefined;
  let wanted = false;

  const onExit = (child: ChildProcess, code: number | null, signal: string | null): void => {
    if (running === child) running = undefined;
    if (!wanted) return;
    const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with exit code ${code}`;
    crash.reject(new Fault('unavailable', `${name} ${how}; its last words are in ${logFile}`));
  };

  const end = async (send: (child: ChildProcess) => void): Promise<void> => {
    wanted = false;
    const child = running;
    if (!child) return;
    const gone = once(child, 'exit');
    send(child);
    await gone;
  };

  return {
    name,
    crashed: crash.promise,
    get pid() {
      return running?.pid;
    },
    start: async () => {
      await access(argv[0] ?? '', constants.X_OK); // setpriv would start, and only then miss the program
      const log = await open(logFile, 'a');
      try {
        const [file = '', ...args] = endWithParent(argv, CHILD_ENV.PATH);
        // Not in our process group: a terminal's Ctrl-C is for us, and we end our children.
        const child = spawn(file, args, { env: CHILD_ENV, detached: true, stdio: ['ignore', log.fd, log.fd] });
        child.once('exit', (code, signal) => onExit(child, code, signal));
        await once(child, 'spawn');
        running = child;
        wanted = true;
      } finally {
        await log.close();
      }
    },
    kill: () => end((child) => child.kill('SIGKILL')),
    stop: () =>
      end((child) => {
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
        child.once('exit', () => clearTimeout(timer));
      }),
  };
}
