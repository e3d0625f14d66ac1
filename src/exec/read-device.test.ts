import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readDevice } from './read-device.ts';
import { run } from './run.ts';

const never = new AbortController().signal;

test('a part is read byte by byte, and less of it where the device ends', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'read-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const device = path.join(folder, 'device');
  const all = Buffer.from(Array.from({ length: 3000 }, (_, at) => at % 256));
  await writeFile(device, all);
  const read = (at: number, length: number) => readDevice(device, { at, length }, run, never);
  expect((await read(0, 512)).equals(all.subarray(0, 512))).toBe(true);
  expect((await read(1001, 1000)).equals(all.subarray(1001, 2001))).toBe(true);
  expect((await read(2990, 512)).equals(all.subarray(2990))).toBe(true);
  await expect(readDevice('/dev/none', { at: 0, length: 1 }, run, never)).rejects.toMatchObject({
    stderr: expect.stringContaining('No such file or directory') as string,
  });
});
