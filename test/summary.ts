import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason } from 'vitest/node';

/** First lines of each error and of what caused it. */
const firstLines = (errors: readonly SerializedError[] | undefined): string => (errors ?? []).map(firstLine).join('; ');

function firstLine({ message, cause }: SerializedError): string {
  const line = message.split('\n', 1)[0] ?? '';
  return cause ? `${line} ${firstLine(cause)}` : line;
}

/**
 * Ends a run with what was left out, what failed and why, and the one line that a machine reads; and appends these
 * lines to the file TEST_SUMMARY. Failures include what is no failed test: a worker that crashed, a test that began and
 * never ended, a file that never ran, an error that no test awaited.
 */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    const tally = new Tally();
    for (const module of modules) tally.judgeModule(module);
    for (const error of unhandled) tally.judgeUnhandled(error);
    if (reason !== 'passed' && tally.failed === 0) tally.fail('the run', `vitest ended it as ${reason}`);
    const text = tally.text();
    process.stdout.write(text);
    const file = process.env['TEST_SUMMARY'];
    if (file) appendFileSync(file, text);
  }
}

class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  readonly #lines: string[] = [];

  fail(name: string, why: string): void {
    this.failed += 1;
    this.#lines.push(`failed: ${name}: ${why}`);
  }

  judgeModule(module: TestModule): void {
    const failedBefore = this.failed;
    for (const test of module.children.allTests()) this.#judge(test);
    const state = module.state();
    // Hooks and the file itself fail without failing a test; a file that is still queued or pending never ran to its
    // end.
    if (this.failed > failedBefore || state === 'passed' || state === 'skipped') return;
    const errors = [module, ...module.children.allSuites()].flatMap((each) => each.errors());
    this.fail(module.relativeModuleId, state === 'failed' ? firstLines(errors) : 'the file did not run to its end');
  }

  judgeUnhandled(error: SerializedError): void {
    const { type, VITEST_TEST_PATH: file } = error;
    const where = typeof file === 'string' ? path.relative(process.cwd(), file) : 'outside of any test';
    this.fail(where, `${typeof type === 'string' ? type : 'Unhandled Error'}: ${firstLine(error)}`);
  }

  text(): string {
    const count = `${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped\n`;
    return [...this.#lines, count].join('\n');
  }

  #judge(test: TestCase): void {
    const { state, errors } = test.result();
    if (state === 'passed') this.passed += 1;
    else if (state === 'failed') this.fail(`${test.module.relativeModuleId}: ${test.fullName}`, firstLines(errors));
    else if (state === 'pending') this.fail(`${test.module.relativeModuleId}: ${test.fullName}`, 'it did not end');
    else {
      this.skipped += 1;
      this.#lines.push(`left out: ${test.fullName}`);
    }
  }
}
