import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createChild, type Child } from './child.ts';

let directory: string;
let child: Child | undefined;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'child-'));
});
afterEach(async () => {
  await child?.kill();
  await rm(directory, { recursive: true, force: true });
});

const sleeper = (script: string): Child => {
  child = createChild({
    name: 'sleeper',
    argv: [process.execPath, '-e', script],
    logFile: path.join(directory, 'log'),
    stopMs: 200,
  });
  return child;
};
const isAlive = (pid: number | undefined): boolean => existsSync(`/proc/${pid ?? 'none'}`);
const LIVES = 'setInterval(() => {}, 1000);';

test('it runs until it is killed, and again after that; being asked to is no crash', async () => {
  const child = sleeper(LIVES);
  let crashed = false;
  child.crashed.catch(() => (crashed = true));
  const pids: (number | undefined)[] = [];
  for (let i = 0; i < 2; i += 1) {
    await child.start();
    pids.push(child.pid);
    expect(isAlive(child.pid)).toBe(true);
    await child.kill();
    expect(child.pid).toBeUndefined();
  }
  expect(new Set(pids).size).toBe(2);
  expect(pids.some(isAlive)).toBe(false);
  expect(crashed).toBe(false);
});

test('stop asks first, and what it says then is in the log', async () => {
  const child = sleeper(
    `${LIVES} process.on('SIGTERM', () => { console.log('bye'); process.exit(); }); console.log('up')`,
  );
  await child.start();
  await expect.poll(() => readFile(path.join(directory, 'log'), 'utf8')).toBe('up\n');
  await child.stop();
  expect(await readFile(path.join(directory, 'log'), 'utf8')).toBe('up\nbye\n');
});

test('one that does not listen is killed in the end', async () => {
  const child = sleeper(`${LIVES} process.on('SIGTERM', () => {}); console.log('up')`);
  await child.start();
  await expect.poll(() => readFile(path.join(directory, 'log'), 'utf8')).toBe('up\n');
  const { pid } = child;
  await child.stop();
  expect(isAlive(pid)).toBe(false);
});

test('an end nobody asked for is a crash, and names the log', async () => {
  const child = sleeper('process.exit(3)');
  await child.start();
  await expect(child.crashed).rejects.toThrow(/sleeper ended with exit code 3; .*log/);
});

test('a program that is not there cannot be started', async () => {
  const child = createChild({
    name: 'x',
    argv: [path.join(directory, 'none')],
    logFile: path.join(directory, 'log'),
    stopMs: 1,
  });
  await expect(child.start()).rejects.toThrow(/ENOENT/);
  await child.stop();
});
