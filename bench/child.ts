import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface Usage {
  /** CPU time in microseconds. */
  readonly cpu: { readonly user: number; readonly system: number };
  /** Resident memory in bytes. */
  readonly rss: number;
}

/** A server in a process of its own. */
export interface Child {
  readonly port: number;
  usage(): Promise<Usage>;
  /** Gives it a message of its own kind, which is not answered. */
  tell(message: object): void;
  stop(): Promise<void>;
}

/** Starts one of the servers of this folder and waits until it listens. */
export async function startChild(file: string, args: readonly (string | number)[]): Promise<Child> {
  const child = fork(path.join(import.meta.dirname, file), args.map(String), { execArgv: [] });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended with ${code} before it listened`);
  });
  const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [{ port: number }];
  failed.catch(() => {});
  return {
    port,
    usage: async () => {
      child.send('usage');
      const [usage] = (await once(child, 'message')) as [Usage];
      return usage;
    },
    tell: (message) => void child.send(message),
    stop: async () => {
      child.send('stop');
      await once(child, 'exit');
    },
  };
}
