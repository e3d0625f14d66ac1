import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const CHECKOUT = path.join(import.meta.dirname, 'checkout.ts');
const PROGRAM = `import { copyCheckout } from ${JSON.stringify(CHECKOUT)};
const { root } = await copyCheckout(process.argv[1]);
console.log(root);
setInterval(() => {}, 1000);`;

/** A repository with one file, and no packages to speak of. */
function repository(): string {
  const root = mkdtempSync(path.join(tmpdir(), 'repository-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  execFileSync('git', ['init', '--quiet', root]);
  mkdirSync(path.join(root, 'node_modules'));
  writeFileSync(path.join(root, 'a.txt'), 'a\n');
  return root;
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('a run that %s ends leaves no copy behind', async (signal) => {
  const args = ['--input-type=module', '--eval', PROGRAM, repository()];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [told] = (await once(child.stdout, 'data')) as [Buffer];
  const copy = told.toString().trim();
  expect(existsSync(path.join(copy, 'a.txt'))).toBe(true);
  const ended = once(child, 'exit');
  child.kill(signal);
  expect(await ended).toEqual([null, signal]);
  expect(existsSync(copy)).toBe(false);
});
