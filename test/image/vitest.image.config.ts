import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** The image that users get, unpacked and run. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: ['test/image/*.image.ts'],
    testTimeout: 60_000,
    hookTimeout: 900_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    reporters: ['verbose', './test/summary.ts'],
  },
});
