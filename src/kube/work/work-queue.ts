import { createFailures, type Backoff } from '../../wait/backoff.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { whenAborted } from '../../wait/abort.ts';
import { createDelays } from './delays.ts';
import { ApiError, isConflict } from '../errors.ts';
import type { Log } from '../../model/log.ts';
import { present } from '../../model/present.ts';
import { createPendingKeys } from './pending-keys.ts';

/** What a run may ask for: to be run again after so many ms. */
export interface Again {
  readonly afterMs: number;
}

export interface WorkQueueOptions {
  /** Reconciles the object of one key. When it throws, the key is tried again later. The signal is that of `run`. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Again | void>;
  /** Named in the log. */
  readonly name: string;
  readonly log: Log;
  /** Keys worked on at the same time, of each place. Absent: 1. */
  readonly concurrency?: number;
  /** Where the work of a key is done: one place keeps none of another waiting. Absent: all in one. */
  readonly placeOf?: (key: string) => string;
  /** Absent: 250 ms to one minute. */
  readonly backoff?: Backoff;
  readonly random?: () => number;
  readonly clock?: Clock;
}

/**
 * Keys that need work. A key waits once, however often it is added; it is never worked on twice at the same time; added
 * while it is worked on, it is worked on again right after. Whoever adds a key says only "look again": the work reads
 * the present state itself.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds the key after so many ms; of two delays of one key the shorter counts. */
  addAfter(key: string, ms: number): void;
  /**
   * Works until aborted; resolves when the work in hand has ended. Keys added before it runs wait for it. To be called
   * once.
   */
  run(signal: AbortSignal): Promise<void>;
  stats(): WorkQueueStats;
}

export interface WorkQueueStats {
  readonly waiting: number;
  readonly running: number;
  readonly delayed: number;
  /** Keys whose last run threw. */
  readonly failing: number;
}

const BACKOFF: Backoff = { baseMs: 250, maxMs: 60_000 };

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { reconcile, name, log, concurrency = 1, placeOf, random = Math.random, clock = systemClock } = options;
  const keys = createPendingKeys({ atOnce: concurrency, ...present({ placeOf }) });
  const failures = createFailures(options.backoff ?? BACKOFF, random);
  const inHand = new Set<Promise<void>>();
  let stop: AbortSignal | undefined;

  const add = (key: string): void => {
    keys.add(key);
    startWork();
  };
  const delays = createDelays(clock, add);
  const addAfter = (key: string, ms: number): void => {
    if (!stop?.aborted) delays.add(key, ms);
  };

  const nextKey = (signal: AbortSignal): string | undefined => (signal.aborted ? undefined : keys.take());

  const startWork = (): void => {
    const signal = stop;
    if (!signal) return;
    for (let key = nextKey(signal); key !== undefined; key = nextKey(signal)) {
      const work = workOn(key, signal).finally(() => inHand.delete(work));
      inHand.add(work);
    }
  };

  const workOn = async (key: string, signal: AbortSignal): Promise<void> => {
    try {
      const again = await reconcile(key, signal);
      failures.succeeded(key);
      if (again) addAfter(key, again.afterMs);
    } catch (error) {
      if (!signal.aborted) retry(key, error);
    }
    keys.done(key);
    startWork();
  };

  const retry = (key: string, err: unknown): void => {
    const { count, retryMs } = failures.failed(key);
    const asked = err instanceof ApiError ? (err.retryAfterMs ?? 0) : 0;
    // Somebody else wrote first: that is how two writers agree, and no news.
    log[isConflict(err) ? 'debug' : 'warn']({ method: name, object: key, count, err }, 'work failed');
    addAfter(key, Math.max(asked, retryMs));
  };

  return {
    add,
    addAfter,
    run: async (signal) => {
      stop = signal;
      startWork();
      await whenAborted(signal);
      delays.clear();
      await Promise.all(inHand);
    },
    stats: () => ({
      waiting: keys.waiting,
      running: keys.running,
      delayed: delays.size,
      failing: failures.size,
    }),
  };
}
