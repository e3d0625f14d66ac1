import { defineConfig } from 'vitest/config';

/** The page in Debian's chromium; `make test-ui` installs what is missing. */
export default defineConfig({
  test: {
    include: ['test/ui/*.ui.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    pool: 'forks',
    fileParallelism: false,
    reporters: ['default', './test/summary.ts'],
  },
});
