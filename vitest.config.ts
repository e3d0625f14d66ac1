import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'sandbox/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // In another order every time; --sequence.seed=N, as the run printed it, repeats one.
    sequence: { shuffle: { files: true } },
    expect: { poll: { timeout: 25_000 } },
    reporters: ['default', './test/summary.ts'],
    maxWorkers: 2,
  },
});
