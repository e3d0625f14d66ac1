import { Fault } from '../../model/fault.ts';

/**
 * Runs what waits for an agent, for `ms` at most. When the time is over or the caller gives up, it rejects with Fault `aborted` and the
 * text of `why`: the caller asks again later and finds what was begun.
 */
export async function waitFor<T>(
  limits: { readonly ms: number; readonly why: () => string },
  wait: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(limits.ms)]);
  try {
    return await wait(deadline);
  } catch (error) {
    if (error !== deadline.reason) throw error;
    throw new Fault('aborted', limits.why(), { cause: error });
  }
}
