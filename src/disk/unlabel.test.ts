import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MIB } from '../model/bytes.ts';
import { unlabelDevice } from './unlabel.ts';

const never = new AbortController().signal;

test('the first MiB is zeros then, and nothing behind it is touched', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'unlabel-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'disk');
  await writeFile(file, Buffer.alloc(2 * MIB, 'x'));
  await unlabelDevice(file, never);
  const content = await readFile(file);
  expect(content.findIndex((byte) => byte !== 0)).toBe(MIB);
  expect(content.length).toBe(2 * MIB);
});

test('nothing is written once the agent ends', async () => {
  const reason = new Error('the agent ends');
  await expect(unlabelDevice('/nowhere/disk', AbortSignal.abort(reason))).rejects.toBe(reason);
});

test('a device that is not there is told, and not made', async () => {
  await expect(unlabelDevice('/nowhere/disk', never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('/nowhere/disk cannot be cleared') as string,
  });
});
