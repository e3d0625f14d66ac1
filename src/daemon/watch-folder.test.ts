// oxlint-disable vitest/no-standalone-expect -- a test that needs root is testOn's, which the rule does not know
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { testOn } from '../../test/machine.ts';
import { watchFolder } from './watch-folder.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'watched-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test('an entry that is made is told, and nothing any more once it is over', async () => {
  const folder = await newFolder();
  const ending = new AbortController();
  const told = Promise.withResolvers<void>();
  watchFolder(folder, told.resolve, ending.signal);
  await writeFile(path.join(folder, 'a'), '');
  await told.promise;
  ending.abort();
  expect(() => watchFolder(path.join(folder, 'none'), () => {}, new AbortController().signal)).toThrow('ENOENT');
});

testOn('root')(
  'where others have used up inotify the folder is looked at from time to time, until it is over',
  async () => {
    const folder = await newFolder();
    const program = `
    const { watchFolder } = await import(${JSON.stringify(path.join(import.meta.dirname, 'watch-folder.ts'))});
    const [ending, watched] = [new AbortController(), Promise.withResolvers()];
    let looks = 0;
    const keep = setInterval(() => {}, 1000);
    watchFolder(${JSON.stringify(folder)}, () => (looks += 1) === 3 && watched.resolve(), ending.signal, 1);
    await watched.promise;
    ending.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    clearInterval(keep);
    console.log(looks);
  `;
    // The limits of a user namespace are its own.
    const none = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"';
    const argv = ['-Ur', 'sh', '-c', none, 'sh', process.execPath, '--input-type=module', '--eval', program];
    const { stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8', timeout: 60_000 });
    expect([stderr, stdout]).toEqual(['', '3\n']);
  },
);
