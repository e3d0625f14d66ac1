import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../exec/run.ts';
import { MOST_ENTRIES } from './filesystem.ts';
import { entriesIn } from './folder-content.ts';

const never = new AbortController().signal;

test('the names in a folder', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'entries-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  expect(await entriesIn(`${folder}/`, run, never)).toEqual([]);
  for (const name of ['a', '-b', 'c\nd', 'é']) await writeFile(path.join(folder, name), '');
  expect((await entriesIn(`${folder}/`, run, never)).toSorted()).toEqual(['-b', 'a', 'c\nd', 'é']);
});

test('of a folder with files without end there are enough names to see that it is in use', async () => {
  const endless: typeof run = (_, ...rest) => run(['sh', '-c', String.raw`yes name | tr '\n' '\0'`], ...rest);
  const names = await entriesIn('/x/', endless, never);
  expect(names.length).toBeGreaterThanOrEqual(MOST_ENTRIES);
  expect(new Set(names)).toEqual(new Set(['name']));
});

test('a folder that cannot be listed is no empty one', async () => {
  await expect(entriesIn('/there is none/', run, never)).rejects.toMatchObject({ kind: 'unavailable' });
});
