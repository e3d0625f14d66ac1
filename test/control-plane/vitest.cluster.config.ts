import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { WHOLE } from '../whole.ts';

/** Left to `make test-all`: second-scheduler is the same with the kube-scheduler of the control plane. */
const LEFT = ['test/control-plane/schedulers.cluster.ts'];

/** Ring 4: one file after another, since each has a control plane to itself and this machine has two cores. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: ['test/api/*.cluster.ts', 'test/control-plane/*.cluster.ts'],
    exclude: WHOLE ? [] : LEFT,
    globalSetup: ['test/control-plane/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // In another order every time; --sequence.seed=N, as the run printed it, repeats one.
    sequence: { shuffle: { files: true } },
    setupFiles: ['test/end-with-runner.ts'],
    maxWorkers: 1,
    fileParallelism: false,
    reporters: ['verbose', './test/summary.ts'],
  },
});
