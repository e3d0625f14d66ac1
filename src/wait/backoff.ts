export interface Backoff {
  /** Ms before the second try. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Ms to wait after so many failures in a row (1 or more): doubles each time up to the maximum, then somewhere in the
 * upper half of it, so that many who failed together do not come back together. `random` is in [0, 1).
 */
export function backoffMs(failures: number, { baseMs, maxMs }: Backoff, random: () => number): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 40));
  return full / 2 + (full / 2) * random();
}

/** Counts failures by key. */
export interface Failures {
  /** Ms to wait after one more failure of the key in a row. */
  failed(key: string): { readonly count: number; readonly retryMs: number };
  succeeded(key: string): void;
  /** Keys that failed last. */
  readonly size: number;
}

export function createFailures(backoff: Backoff, random: () => number): Failures {
  const counts = new Map<string, number>();
  return {
    failed: (key) => {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return { count, retryMs: Math.round(backoffMs(count, backoff, random)) };
    },
    succeeded: (key) => void counts.delete(key),
    get size() {
      return counts.size;
    },
  };
}
