import { follow, orAborted } from './abort.ts';
import type { Clock } from './clock.ts';

/** Runs the call under a signal that aborts with what `late` makes after so many ms, or with the caller's reason. */
export async function withDeadline<T>(
  { ms, late }: { readonly ms: number; readonly late: () => Error },
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const follower = follow(signal);
  const timer = setTimeout(() => follower.abort(late()), ms);
  try {
    return await call(follower.signal);
  } finally {
    clearTimeout(timer);
    follower.release();
  }
}

/** As withDeadline, by a clock that a test may own; also for a call that does not heed its signal. */
export async function withClockDeadline<T>(
  { ms, clock }: { readonly ms: number; readonly clock: Clock },
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const follower = follow(signal);
  void clock.sleep(ms, follower.signal).then(
    () => follower.abort(new Error(`no answer within ${Math.round(ms)} ms`)),
    () => {},
  );
  try {
    return await orAborted(call(follower.signal), follower.signal);
  } finally {
    follower.abort(new Error('the call is over'));
    follower.release();
  }
}
