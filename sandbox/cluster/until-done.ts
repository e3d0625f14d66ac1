import { systemClock } from '../../src/wait/clock.ts';
import { Fault, textOf } from '../../src/model/fault.ts';

const START_MS = 30_000;
const RETRY_MS = 100;

/** Repeats `attempt` until it succeeds. Throws Fault `unavailable` with the last failure after 30 s. */
export async function untilDone(
  what: string,
  attempt: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_MS)]);
  for (;;) {
    try {
      return await attempt(deadline);
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted)
        throw new Fault('unavailable', `waited ${START_MS / 1000} s until ${what}: ${textOf(error)}`, { cause: error });
    }
    await systemClock.sleep(RETRY_MS, signal);
  }
}
