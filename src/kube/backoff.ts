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
