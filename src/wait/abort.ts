/**
 * Calls `then` once the signal is aborted, at once if it is already. Returns what lets go of the signal: it must be
 * called when the wait is over, or a long-lived signal collects listeners.
 */
export function onAbort(signal: AbortSignal, then: () => void): () => void {
  if (signal.aborted) {
    then();
    return () => {};
  }
  signal.addEventListener('abort', then, { once: true });
  return () => signal.removeEventListener('abort', then);
}

/** Waits for the promise, but not longer than the signal allows: rejects with its reason then. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const leave = onAbort(signal, () => aborted.reject(signal.reason));
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    leave();
  }
}

/** Resolves once the signal is aborted, at once if it is already. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => void onAbort(signal, resolve));
}

/**
 * Waits for something that is announced by a call: `subscribe` gets the function to call, and returns what ends the
 * subscription, which is called in any case. Rejects with the signal's reason, and with what `subscribe` throws.
 */
export async function untilCalled<T = void>(
  subscribe: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const unsubscribe = subscribe(resolve, reject);
  try {
    return await orAborted(promise, signal);
  } finally {
    unsubscribe();
  }
}

/** A signal that follows another one and can be aborted apart from it. */
export interface Follower {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the followed signal. Must be called, or a long-lived signal collects listeners. */
  release(): void;
}

/**
 * A signal that is aborted with the given one. AbortSignal.any and AbortSignal.timeout would do, but keep about half a
 * KB per call until the time is over and cost five times as much; this is done on every call.
 */
export function follow(signal: AbortSignal): Follower {
  const controller = new AbortController();
  const release = onAbort(signal, () => controller.abort(signal.reason));
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), release };
}
