import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits so many ms, or until the signal is aborted; never rejects. The timer is the machine's: see Clock for one that a
 * test owns.
 */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
