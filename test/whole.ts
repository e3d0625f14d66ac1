import type { test } from 'vitest';

/** Whether this run has time for everything (`make test-all`), rather than for the core of each ring (CI). */
export const WHOLE = process.env['OPEN_LOCAL_TEST_ALL'] === '1';

/** Leaves a test to `make test-all`: its like is in CI, where it would take more time than it tells. */
export const ofWhole = (one: typeof test): typeof test => (WHOLE ? one : ((() => {}) as unknown as typeof test));
