import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** The first line of each of these errors. */
const firstLines = (errors: readonly { readonly message: string }[] | undefined): string =>
  (errors ?? []).map(({ message }) => message.split('\n', 1)[0]).join('; ');

/**
 * Ends a run with what was left out, what failed and why, and the one line that a machine reads; and writes these lines
 * to the file TEST_SUMMARY.
 */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    const lines: string[] = [];
    const fail = (name: string, errors: Parameters<typeof firstLines>[0]): void => {
      count.failed += 1;
      lines.push(`failed: ${name}: ${firstLines(errors)}`);
    };
    const judge = (test: TestCase): void => {
      const { state, errors } = test.result();
      if (state === 'passed') count.passed += 1;
      else if (state === 'failed') fail(`${test.module.relativeModuleId}: ${test.fullName}`, errors);
      else {
        count.skipped += 1;
        lines.push(`left out: ${test.fullName}`);
      }
    };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) judge(test);
      // A hook, or the file itself: none of its tests needs to have failed.
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed'))
        fail(
          module.relativeModuleId,
          [module, ...module.children.allSuites()].flatMap((each) => each.errors()),
        );
    }
    const text = [...lines, `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`].join('\n');
    process.stdout.write(text);
    const file = process.env['TEST_SUMMARY'];
    if (file) appendFileSync(file, text);
  }
}
