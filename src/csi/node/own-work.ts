import { orAborted } from '../../wait/abort.ts';

/**
 * Work that a call asks for and that outlives it: a tool that changes a device must not be cut because the caller's
 * time is over. The caller that asks again finds what was done meanwhile.
 */
export interface OwnWork {
  /**
   * Waits until no work of this key is left, and does the work, with a signal that only the program's end aborts.
   * Rejects with the caller's reason when that is aborted, and the work goes on.
   */
  run<T>(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Resolves when no work is left. */
  ended(): Promise<void>;
}

/** `lifetime` is aborted when the program ends. */
export function createOwnWork(lifetime: AbortSignal): OwnWork {
  const running = new Map<string, Promise<void>>();
  return {
    run: async (key, work, signal) => {
      for (let before = running.get(key); before; before = running.get(key)) await orAborted(before, signal);
      signal.throwIfAborted();
      const mine = work(lifetime);
      const ended = mine.then(
        () => void running.delete(key),
        () => void running.delete(key),
      );
      running.set(key, ended);
      return orAborted(mine, signal);
    },
    ended: async () => void (await Promise.all(running.values())),
  };
}
