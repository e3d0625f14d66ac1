import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun } from '../exec/fake-run.ts';
import { createLvm } from './lvm.ts';

const never = new AbortController().signal;
const { run } = createFakeRun(() => '');

test('what killed commands had begun to write of a group goes, and its backup and what is being written stay', async () => {
  const backupDir = await mkdtemp(path.join(tmpdir(), 'lvm-backup-'));
  onTestFinished(() => rm(backupDir, { recursive: true }));
  const hours = (ago: number): number => Date.now() / 1000 - ago * 3600;
  const files = [
    ['.lvm_node-1.example_812_1804289383', 2],
    ['.lvm_node-1.example_813_1804289384', 0.9],
    ['.lvm_notes', 2],
    ['pool-0', 2],
    ['pool.lvm_a_1_2', 2],
  ] as const;
  for (const [name, ago] of files) {
    await writeFile(path.join(backupDir, name), '');
    await utimes(path.join(backupDir, name), hours(ago), hours(ago));
  }
  await mkdir(path.join(backupDir, '.lvm_folder_1_2'));
  await utimes(path.join(backupDir, '.lvm_folder_1_2'), hours(2), hours(2));
  await createLvm({ run, backupDir }).resumeLeft(never);
  const left = ['.lvm_folder_1_2', '.lvm_node-1.example_813_1804289384', '.lvm_notes', 'pool-0', 'pool.lvm_a_1_2'];
  expect((await readdir(backupDir)).toSorted()).toEqual(left);
});

test('a folder of backups that is not there yet stops nothing', async () => {
  await expect(createLvm({ run, backupDir: '/none/lvm-backup' }).resumeLeft(never)).resolves.toBeUndefined();
});
