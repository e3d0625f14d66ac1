import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { WHOLE } from '../whole.ts';

/**
 * Left to `make test-all`: pods of a kubelet meet limits and inline volumes too; copies, what open-local did wrong and
 * the switch from it are in rings 1 to 3, and so is how stores of snapshots grow; many volumes are a count of costs;
 * how lvm stops a volume changes seldom; what the chart installs takes minutes to start; csi-sanity runs in ring 4 too,
 * on loop devices in place of logical volumes.
 */
const LEFT = [
  ...['io-limits', 'inline', 'copies', 'defects', 'many-volumes'],
  ...['group-snapshots', 'helm', 'sanity', 'stores', 'switching'],
].map((name) => `test/node/${name}.node.ts`);

/** Ring 5: one file after another, since each has a virtual machine to itself and this machine has two cores. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: ['test/node/**/*.node.ts'],
    exclude: WHOLE ? [] : LEFT,
    globalSetup: ['test/node/setup.ts'],
    testTimeout: 400_000,
    hookTimeout: 600_000,
    pool: 'forks',
    // In another order every time; --sequence.seed=N, as the run printed it, repeats one.
    sequence: { shuffle: { files: true } },
    setupFiles: ['test/end-with-runner.ts'],
    maxWorkers: 1,
    fileParallelism: false,
    reporters: ['verbose', './test/summary.ts'],
  },
});
