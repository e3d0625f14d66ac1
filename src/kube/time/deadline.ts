import type { Clock } from './clock.ts';

/** A signal that follows another one and can be aborted apart from it. */
export interface Follower {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the followed signal. Must be called, or a long-lived signal collects listeners. */
  release(): void;
}

/**
 * AbortSignal.any and AbortSignal.timeout would do, but keep about half a KB per call until the time is over
 * and cost five times as much; this is done on every call.
 */
export function follow(signal: AbortSignal): Follower {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => signal.removeEventListener('abort', onAbort),
  };
}

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

/** Waits for the promise, but not longer than the signal allows: rejects with its reason then. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
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
