import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createWatchedFolders } from './watched-folders.ts';

/** Folders a and b, watched by nobody yet. */
async function rig() {
  const root = await mkdtemp(path.join(tmpdir(), 'watched-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const [a, b] = [path.join(root, 'a'), path.join(root, 'b')] as const;
  for (const folder of [a, b]) await mkdir(folder);
  return { a, b, missing: path.join(root, 'missing'), signal: ending.signal };
}

/** `next` does something, and resolves once a change was told after it. */
function watching() {
  let told = Promise.withResolvers<void>();
  let count = 0;
  const watched = createWatchedFolders(() => {
    count += 1;
    told.resolve();
  });
  const next = async (change: () => Promise<unknown>): Promise<void> => {
    told = Promise.withResolvers();
    await change();
    await told.promise;
  };
  return { watched, next, count: () => count };
}

test('what is made in a watched folder, and what goes, is told', async () => {
  const { a, signal } = await rig();
  const { watched, next, count } = watching();
  watched.set([a], signal);
  await next(() => mkdir(path.join(a, 'container')));
  await next(() => rm(path.join(a, 'container'), { recursive: true }));
  watched.set([a], signal);
  await next(() => mkdir(path.join(a, 'again')));
  expect(count()).toBeGreaterThanOrEqual(3);
});

test('a folder that is named no more is watched no more', async () => {
  const { a, b, signal } = await rig();
  const { watched, count } = watching();
  watched.set([a], signal);
  watched.set([], signal);
  const other = watching();
  other.watched.set([b], signal);
  await other.next(async () => {
    await mkdir(path.join(a, 'nobody looks'));
    await mkdir(path.join(b, 'container'));
  });
  expect([count(), other.count()]).toEqual([0, 1]); // the kernel tells in order: of a it would have told before
});

test('a folder that is missing keeps none of the others, and is watched once it is there and named again', async () => {
  const { a, missing, signal } = await rig();
  const { watched, next, count } = watching();
  watched.set([missing, a], signal);
  await next(() => mkdir(path.join(a, 'container')));
  await mkdir(missing);
  watched.set([missing, a], signal);
  await next(() => mkdir(path.join(missing, 'container')));
  expect(count()).toBeGreaterThanOrEqual(2);
});
