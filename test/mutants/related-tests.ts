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
  /** Which tests are run: those below a folder, or those that import one of the files, however far. */
  readonly of: { readonly folder: string } | { readonly files: readonly string[] };
  readonly limitMs: number;
}

/**
 * Runs tests of rings 1 to 3, up to the first that fails twice: on a busy machine one may
 * fail for a reason of its own. A run over its limit is killed with all that it started. `passed` also when there are
 * no tests.
 */
export async function runRelated({ root, of, limitMs }: RelatedTests): Promise<RelatedRun> {
  const which = 'folder' in of ? ['run', `${of.folder}/`] : ['related', '--run', ...of.files];
  const flags = ['--bail=1', '--retry=1', '--passWithNoTests', '--reporter=./test/summary.ts'];
  const argv = [path.join(root, 'node_modules/vitest/vitest.mjs'), ...which, ...flags];
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
