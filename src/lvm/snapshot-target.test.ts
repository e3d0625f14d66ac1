import { expect, test } from 'vitest';
import { CommandFailed } from '../exec/command-failed.ts';
import { createFakeRun } from '../exec/fake-run.ts';
import type { Run } from '../exec/run.ts';
import { loadSnapshotTarget } from './snapshot-target.ts';

const never = new AbortController().signal;

test('the kernel is asked for what snapshots need', async () => {
  const { run, calls } = createFakeRun(() => '');
  await loadSnapshotTarget(run, never);
  expect(calls).toEqual([['dmsetup', 'target-version', 'snapshot']]);
});

test('where the agent ends meanwhile, nothing follows', async () => {
  const reason = new Error('the agent ends');
  await expect(loadSnapshotTarget(createFakeRun(() => '').run, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test('a kernel that cannot is not told: lvm says it', async () => {
  const argv = ['dmsetup', 'target-version', 'snapshot'];
  const ending = { argv, exitCode: 1, signal: undefined, stdout: '', stderr: 'Invalid argument' };
  const run: Run = () => Promise.reject(new CommandFailed(ending, 'failed'));
  await expect(loadSnapshotTarget(run, never)).resolves.toBeUndefined();
});
