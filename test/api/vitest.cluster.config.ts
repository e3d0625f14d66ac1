import { defineConfig } from 'vitest/config';

/** The same questions to a real kube-apiserver, which is built first when it is not in the cache (nine minutes). */
export default defineConfig({
  test: {
    include: ['test/api/*.cluster.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    reporters: ['default', './test/summary.ts'],
  },
});
