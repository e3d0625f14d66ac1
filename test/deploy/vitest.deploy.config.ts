import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** What is installed: the chart and the kustomize base, judged by helm, kustomize and kubeconform. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: ['test/deploy/*.deploy.ts'],
    globalSetup: ['test/deploy/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './test/summary.ts'],
  },
});
