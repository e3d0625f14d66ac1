import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** For Stryker: the tests that MUTANT_TESTS names, with nothing printed. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: (process.env['MUTANT_TESTS'] ?? '').split(','),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 50_000 } },
    reporters: [],
  },
});
