import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const WORKER = path.join(import.meta.dirname, '../rig/held.ts');

const runs = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('a worker of the outer rings whose runner was killed ends, and with it what it started', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'killed-runner-'));
  const worker = fork(WORKER, [dir], { execArgv: [], stdio: 'ignore' });
  try {
    const [held] = (await once(worker, 'message')) as [number];
    expect(runs(held)).toBe(true);
    worker.disconnect(); // all that a worker sees of its runner's death
    await expect.poll(() => worker.signalCode).toBe('SIGKILL');
    await expect.poll(() => runs(held)).toBe(false);
  } finally {
    worker.kill('SIGTERM');
    await rm(dir, { recursive: true, force: true });
  }
});
