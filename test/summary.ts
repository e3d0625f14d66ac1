import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with what was left out and why, and the one line that a machine reads. */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    const left: string[] = [];
    for (const module of modules) {
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') count.passed += 1;
        else if (state === 'failed') count.failed += 1;
        else {
          count.skipped += 1;
          left.push(test.fullName);
        }
      }
    }
    const lines = left.map((name) => `left out: ${name}`);
    const { passed, failed, skipped } = count;
    process.stdout.write(`${[...lines, `${passed} passed, ${failed} failed, ${skipped} skipped`].join('\n')}\n`);
    const counts = process.env['TEST_COUNTS'];
    if (counts) writeFileSync(counts, `${passed} ${failed} ${skipped}\n`);
  }
}
