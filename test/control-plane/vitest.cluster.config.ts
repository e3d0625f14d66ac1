import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** Ring 4: one file after another, since each has a control plane to itself and this machine has two cores. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: ['test/api/*.cluster.ts', 'test/control-plane/*.cluster.ts'],
    globalSetup: ['test/control-plane/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    pool: 'forks',
    setupFiles: ['test/end-with-runner.ts'],
    maxWorkers: 1,
    fileParallelism: false,
    reporters: ['verbose', './test/summary.ts'],
  },
});
