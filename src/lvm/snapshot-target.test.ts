import { expect, test } from 'vitest';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { loadSnapshotTarget } from './snapshot-target.ts';

const never = new AbortController().signal;

test('a kernel that cannot is not told: lvm says it', async () => {
  const argv = ['dmsetup', 'target-version', 'snapshot'];
  const ending = { argv, exitCode: 1, signal: undefined, stdout: '', stderr: 'Invalid argument' };
  const run: Run = () => Promise.reject(new CommandFailed(ending, 'failed'));
  await expect(loadSnapshotTarget(run, never)).resolves.toBeUndefined();
});
