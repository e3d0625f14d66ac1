// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { makeFile, makeFolder, removeTarget } from '../../src/csi/node/target.ts';
import { testOn } from '../machine.ts';

const test = testOn('root');
const never = new AbortController().signal;
const command = (...argv: string[]) => run(argv, { timeoutMs: 30_000 }, never);

/** A filesystem in memory, as the one that the kubelet's folders are on. */
async function filesystem(options: string): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-paths-'));
  await command('mount', '-t', 'tmpfs', '-o', options, 'none', folder);
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      await command('umount', folder);
      await rm(folder, { recursive: true });
    },
  };
}

test('where the kubelet has its folders, a full filesystem is said to be full', async () => {
  await using full = await filesystem('nr_inodes=2');
  await writeFile(`${full.folder}/last`, '');
  for (const make of [makeFolder, makeFile])
    await expect(make(`${full.folder}/mount`)).rejects.toMatchObject({
      kind: 'exhausted',
      message: expect.stringContaining(`${full.folder}/mount cannot be made: its filesystem has no room`) as string,
    });
});

test('where the kubelet has its folders, a read-only filesystem is said to be read-only', async () => {
  await using disk = await filesystem('rw');
  await writeFile(`${disk.folder}/left`, '');
  await command('mount', '-o', 'remount,ro', disk.folder);
  const readOnly = { kind: 'precondition', message: expect.stringContaining('read-only (EROFS)') as string };
  for (const make of [makeFolder, makeFile]) await expect(make(`${disk.folder}/mount`)).rejects.toMatchObject(readOnly);
  await expect(removeTarget(`${disk.folder}/left`)).rejects.toMatchObject(readOnly);
});
