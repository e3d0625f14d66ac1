import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The one that takes as long as half of the others begins: at the end it would run alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification): boolean => path.basename(moduleId) === 'kubelet.node.ts';
    return files.toSorted((a, b) => Number(isLongest(b)) - Number(isLongest(a)));
  }
}

/** Ring 5: each file has a virtual machine to itself, and much of its time waits for it; so there are two at once. */
export default defineConfig({
  test: {
    root: path.join(import.meta.dirname, '../..'),
    include: ['test/node/**/*.node.ts'],
    globalSetup: ['test/node/setup.ts'],
    testTimeout: 400_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: ['verbose', './test/summary.ts'],
  },
});
