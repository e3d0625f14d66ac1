import { vi } from 'vitest';

/**
 * Time limit of a wait, long enough for a busy machine. A test that passes ends at once; one that fails says what it
 * last saw.
 */
const WAIT_MS = 25_000;

/**
 * Repeats `holds` until it does not throw, and resolves to its result: for states that no event announces, such as
 * another process's.
 */
export function eventually<T>(holds: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(holds, { timeout: WAIT_MS, interval: 20 });
}
