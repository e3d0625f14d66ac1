import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** Ring 5: one file after another, since each has a virtual machine to itself and this machine has two cores. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: ['test/node/**/*.node.ts'],
    globalSetup: ['test/node/setup.ts'],
    testTimeout: 400_000,
    hookTimeout: 600_000,
    pool: 'forks',
    setupFiles: ['test/end-with-runner.ts'],
    maxWorkers: 1,
    fileParallelism: false,
    reporters: ['verbose', './test/summary.ts'],
  },
});
