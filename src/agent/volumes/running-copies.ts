import { follow } from '../../wait/abort.ts';

/** The copies that run now, by the volume that is filled. */
export interface RunningCopies {
  has(name: string): boolean;
  /** Whether any runs. */
  isBusy(): boolean;
  /** Runs a copy, which `stop` of its name ends; resolves when it was stopped, rejects as it does otherwise. */
  run<T>(name: string, copy: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T | undefined>;
  /**
   * Ends the copy of that volume, if one runs; resolves once its program has ended. One that cannot be killed, since a
   * disk does not answer, is left behind after a while: its devices are in use until the disk answers.
   */
  stop(name: string): Promise<void>;
}

export function createRunningCopies(): RunningCopies {
  const running = new Map<string, { readonly abort: () => void; readonly ended: Promise<void> }>();
  return {
    has: (name) => running.has(name),
    isBusy: () => running.size > 0,
    run: async (name, copy, signal) => {
      const own = follow(signal);
      const { promise, resolve } = Promise.withResolvers<void>();
      running.set(name, { abort: () => own.abort(new Error('the volume is removed')), ended: promise });
      try {
        return await copy(own.signal);
      } catch (error) {
        if (signal.aborted || !own.signal.aborted) throw error;
        return undefined;
      } finally {
        own.release();
        running.delete(name);
        resolve();
      }
    },
    stop: async (name) => {
      const copy = running.get(name);
      copy?.abort();
      await copy?.ended;
    },
  };
}
