import { setTimeout as delay } from 'node:timers/promises';
import { timerMs } from './timer.ts';

/** Time, so that a test can own it. */
export interface Clock {
  /** Ms that only ever grow; unrelated to the calendar and to other machines. */
  now(): number;
  /** The calendar, for what people and other programs read. */
  date(): Date;
  /** Waits so many ms, or 24 days if that is less; rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  sleep: async (ms, signal) => {
    try {
      await delay(timerMs(ms), undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
};
