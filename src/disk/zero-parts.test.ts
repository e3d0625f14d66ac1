import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeZeros, zeroParts } from './zero-parts.ts';

/** A file of twelve x in place of a device. */
async function device(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'zero-parts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'device');
  await writeFile(file, 'xxxxxxxxxxxx');
  return file;
}
const shownOf = async (file: string) => (await readFile(file, 'latin1')).replaceAll('\0', '.');

test('the parts are zeros then, and nothing else is touched', async () => {
  const file = await device();
  await zeroParts(file, [
    { at: 9, length: 2 },
    { at: 0, length: 4 },
    { at: 6, length: 0 },
  ]);
  expect(await shownOf(file)).toBe('....xxxxx..x');
});

test('a device that takes few bytes at a time gets all of them, and none behind the part', async () => {
  const file = await device();
  await using handle = await open(file, 'r+');
  const slow = {
    write: (from: Uint8Array, offset: number, length: number, at: number) =>
      handle.write(from, offset, Math.min(length, 3), at),
  };
  await writeZeros(slow as unknown as typeof handle, { at: 2, length: 8 });
  expect(await shownOf(file)).toBe('xx........xx');
});

test('no file is made where there is no device', async () => {
  await expect(zeroParts('/nowhere/disk', [])).rejects.toMatchObject({ code: 'ENOENT' });
});
