import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isDetached } from './detached.ts';

/** sysfs with dm-0 built on sda and sdb. */
async function sysfs() {
  const sys = await mkdtemp(path.join(tmpdir(), 'sysfs-'));
  onTestFinished(() => rm(sys, { recursive: true, force: true }));
  const at = (...parts: string[]) => path.join(sys, ...parts);
  await mkdir(at('dev/block'), { recursive: true });
  await mkdir(at('block/dm-0/slaves'), { recursive: true });
  await symlink('../../block/dm-0', at('dev/block/253:0'));
  for (const disk of ['sda', 'sdb']) {
    await mkdir(at('block', disk, 'holders'), { recursive: true });
    await writeFile(at('block', disk, 'holders/dm-0'), '');
    await symlink(`../../${disk}`, at('block/dm-0/slaves', disk));
  }
  return { sys, at };
}

test('a device whose disks are there', async () => {
  const { sys } = await sysfs();
  expect(await isDetached(sys, '253:0')).toBe(false);
});

test('a device of which one disk is gone', async () => {
  const { sys, at } = await sysfs();
  await rm(at('block/sdb'), { recursive: true });
  expect(await isDetached(sys, '253:0')).toBe(true);
});

test('a device in the place of whose disk there is another one', async () => {
  const { sys, at } = await sysfs();
  await rm(at('block/sdb/holders/dm-0'));
  expect(await isDetached(sys, '253:0')).toBe(true);
});

test('what is not there, or is built on nothing, is not detached', async () => {
  const { sys, at } = await sysfs();
  await symlink('../../block/sda', at('dev/block/8:0'));
  expect(await isDetached(sys, '8:0')).toBe(false);
  expect(await isDetached(sys, '253:9')).toBe(false);
});
