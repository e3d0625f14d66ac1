import { expect, test } from 'vitest';
import { CommandFailed } from './command-failed.ts';
import type { Run } from './run.ts';
import { unlessHung } from './unless-hung.ts';

const never = new AbortController().signal;
const options = { timeoutMs: 1 };

/** Programs that never end, until they are let go. */
function hanging() {
  const calls: string[] = [];
  const ends: (() => Promise<void>)[] = [];
  const run: Run = (argv, { onLeft }, signal) => {
    calls.push(argv.join(' '));
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    ends.push(() => (resolve(), gone));
    onLeft?.(gone);
    signal.throwIfAborted();
    const ending = { argv, exitCode: undefined, signal: 'SIGKILL', stdout: '', stderr: '' };
    return Promise.reject(new CommandFailed(ending, 'did not end within 1 ms'));
  };
  return { run: unlessHung(run), calls, ends };
}

test('what hangs is not started again until it has ended; other words are', async () => {
  const { run, calls, ends } = hanging();
  await expect(run(['blkid', '/dev/sdb'], options, never)).rejects.toThrow('did not end');
  await expect(run(['blkid', '/dev/sdb'], options, never)).rejects.toThrow(
    'blkid /dev/sdb was not started: an earlier one hangs and cannot be killed',
  );
  await expect(run(['blkid', '/dev/sdc'], options, never)).rejects.toThrow('did not end');
  expect(calls).toEqual(['blkid /dev/sdb', 'blkid /dev/sdc']);
  await ends[0]?.();
  await expect(run(['blkid', '/dev/sdb'], options, never)).rejects.toThrow('did not end');
  expect(calls).toHaveLength(3);
});

test('also when the caller gave up meanwhile', async () => {
  const { run, calls } = hanging();
  const gaveUp = new AbortController();
  const first = run(['dd', 'if=/dev/sdb'], options, gaveUp.signal);
  await first.catch(() => undefined);
  await expect(run(['dd', 'if=/dev/sdb'], options, never)).rejects.toBeInstanceOf(CommandFailed);
  expect(calls).toHaveLength(1);
});

test('a program that fails is started again', async () => {
  let calls = 0;
  const run = unlessHung((argv) => {
    calls += 1;
    return Promise.reject(
      new CommandFailed({ argv, exitCode: 1, signal: undefined, stdout: '', stderr: '' }, 'exited with 1'),
    );
  });
  for (const _ of [1, 2]) await expect(run(['false'], options, never)).rejects.toThrow('exited with 1');
  expect(calls).toBe(2);
});
