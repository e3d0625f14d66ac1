import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../test/rig/eventually.ts';
import { watchDisks } from './watch-disks.ts';

/** A simulated machine with sda, watched. `put` and `pull` do what a kernel does. */
async function rig() {
  const root = await mkdtemp(path.join(tmpdir(), 'watch-disks-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const folders = { sys: path.join(root, 'sys'), proc: path.join(root, 'proc'), dev: path.join(root, 'dev') };
  const put = async (name: string, sequence: string): Promise<void> => {
    await mkdir(path.join(folders.sys, 'class/block', name), { recursive: true });
    await writeFile(path.join(folders.sys, 'class/block', name, 'diskseq'), `${sequence}\n`);
    await writeFile(path.join(folders.dev, name), '');
  };
  const pull = async (name: string): Promise<void> => {
    await rm(path.join(folders.sys, 'class/block', name), { recursive: true });
    await rm(path.join(folders.dev, name));
  };
  await mkdir(folders.dev);
  await put('sda', '1');
  let changes = 0;
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  await watchDisks(folders, () => void (changes += 1), stop.signal);
  return { put, pull, folders, changes: () => changes };
}

test('a disk that comes, goes, and comes back is told each time', async () => {
  const it = await rig();
  await it.put('sdb', '2');
  await eventually(() => expect(it.changes()).toBe(1));
  await it.pull('sdb');
  await eventually(() => expect(it.changes()).toBe(2));
  await it.put('sdb', '3');
  await eventually(() => expect(it.changes()).toBe(3));
});

test('another disk in the place of one is told, and logical volumes and other files are not', async () => {
  const it = await rig();
  await it.put('dm-0', '4');
  await it.put('loop0', '5');
  await writeFile(path.join(it.folders.dev, 'tty99'), '');
  await it.pull('sda');
  await it.put('sda', '6');
  await eventually(() => expect(it.changes()).toBe(1));
});

test('where nothing can be watched that is said', async () => {
  const it = await rig();
  const nowhere = { ...it.folders, dev: '/nowhere' };
  await expect(watchDisks(nowhere, () => {}, new AbortController().signal)).rejects.toThrow('ENOENT');
});
