import { vi } from 'vitest';

/** Long enough for a machine with other things to do; a test that holds ends at once, one that does not says what it still saw. */
const PATIENCE_MS = 25_000;

/** Asks again until nothing is thrown, and resolves with the answer: for what is told by no event, such as another process's state. */
export function eventually<T>(holds: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(holds, { timeout: PATIENCE_MS, interval: 20 });
}
