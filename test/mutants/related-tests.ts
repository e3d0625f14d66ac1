import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { endWithParent } from '../../sandbox/cluster/end-with-parent.ts';

export type Outcome = 'passed' | 'failed' | 'timed out';

export interface RelatedRun {
  readonly outcome: Outcome;
  /** What the summary says of tests that failed, a line each. */
  readonly failures: readonly string[];
}

export interface RelatedTests {
  readonly root: string;
  /** Files whose tests are run. */
  readonly files: readonly string[];
  /** Only tests in this folder; absent: all that import one of the files, however far. */
  readonly folder?: string;
  readonly limitMs: number;
}

/**
 * Runs the tests of rings 1 to 3 that import the files, up to the first that fails twice: on a busy machine one may
 * fail for a reason of its own. A run over its limit is killed with all that it started. `passed` also when there are
 * no tests.
 */
export async function runRelated({ root, files, folder, limitMs }: RelatedTests): Promise<RelatedRun> {
  const flags = ['--run', '--bail=1', '--retry=1', '--passWithNoTests', '--reporter=./test/summary.ts'];
  const where = folder === undefined ? [] : [`--dir=${folder}`];
  const argv = [path.join(root, 'node_modules/vitest/vitest.mjs'), 'related', ...files, ...flags, ...where];
  const summary = path.join(root, 'mutants-summary');
  await rm(summary, { force: true });
  const env = { ...process.env, TEST_SUMMARY: summary, CI: '' };
  // A group of its own, so that workers and the programs of tests can be killed with it.
  const [program = '', ...args] = endWithParent([process.execPath, ...argv], process.env['PATH'] ?? '');
  const child = spawn(program, args, { cwd: root, env, stdio: 'ignore', detached: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }, limitMs);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  const text = await readFile(summary, 'utf8').catch(() => '');
  const failures = text.split('\n').filter((line) => line.startsWith('failed: '));
  return { outcome: late ? 'timed out' : code === 0 ? 'passed' : 'failed', failures };
}
