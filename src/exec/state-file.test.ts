import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createStateFile } from './state-file.ts';

const never = new AbortController().signal;

async function newFile(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'state-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, 'state.json');
}

test('updates started together all count', async () => {
  const state = createStateFile(await newFile(), { count: 0 });
  await Promise.all(Array.from({ length: 20 }, () => state.update(({ count }) => ({ count: count + 1 }), never)));
  expect(await state.read(never)).toEqual({ count: 20 });
});

test('a change that throws leaves the file and the next change alone', async () => {
  const file = await newFile();
  const state = createStateFile(file, { count: 0 });
  await state.update(() => ({ count: 1 }), never);
  const refused = state.update(() => {
    throw new Error('refused');
  }, never);
  const next = state.update(({ count }) => ({ count: count + 1 }), never);
  await expect(refused).rejects.toThrow('refused');
  await next;
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ count: 2 });
});

test('a file that is missing or no JSON is named', async () => {
  const file = await newFile();
  await expect(createStateFile(file).read(never)).rejects.toThrow(file);
  await writeFile(file, '{"half":');
  await expect(createStateFile(file, {}).read(never)).rejects.toThrow(`state file ${file}`);
});

test('a writer killed at any moment leaves a whole document', async () => {
  const file = await newFile();
  const module = path.join(import.meta.dirname, 'state-file.ts');
  const program = `
    import { createStateFile } from ${JSON.stringify(module)};
    const state = createStateFile(${JSON.stringify(file)}, { n: 0, pad: '' });
    const never = new AbortController().signal;
    for (;;) await state.update(({ n }) => ({ n: n + 1, pad: 'x'.repeat(200_000) }), never).then(() => process.stdout.write('.'));`;
  for (let turn = 0; turn < 3; turn += 1) {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await createStateFile(file).read(never)).toMatchObject({ n: expect.any(Number) as number });
  }
});

test('a document is on the disk before it has its name, and its name before the change is done', async () => {
  const file = await newFile();
  const handle = await open(path.dirname(file));
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const sync: FileHandle['sync'] = Reflect.get(prototype, 'sync');
  onTestFinished(() => void (prototype.sync = sync));
  const seen: string[] = [];
  prototype.sync = async function (this: FileHandle) {
    const isFile = (await this.stat()).isFile();
    const named = await readFile(file, 'utf8').then(Boolean, () => false);
    seen.push(`${isFile ? 'file' : 'folder'} synced, ${named ? 'named' : 'not named yet'}`);
    await sync.call(this);
  };
  await createStateFile(file, { count: 0 }).update(() => ({ count: 1 }), never);
  expect(seen).toEqual(['file synced, not named yet', 'folder synced, named']);
});

test.each(['', '["cut', '\0\0\0'])(
  'a document of which %j is left counts as not there where it may be lost',
  async (text) => {
    const file = await newFile();
    await writeFile(file, text);
    await expect(createStateFile<string[]>(file, []).read(never)).rejects.toMatchObject({ kind: 'unavailable' });
    const state = createStateFile<string[]>(file, [], { mayBeLost: true });
    expect(await state.read(never)).toEqual([]);
    await state.update((before) => [...before, 'a'], never);
    expect(await state.read(never)).toEqual(['a']);
  },
);
