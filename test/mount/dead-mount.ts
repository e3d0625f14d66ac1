import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * A filesystem that never answers, as a network filesystem whose server is gone: a FUSE mount (fuse(4)) that nobody
 * serves. Every call on it waits until it is disposed of.
 */
export async function mountDead(): Promise<{ readonly target: string } & AsyncDisposable> {
  const target = await mkdtemp(path.join(tmpdir(), 'open-local-dead-'));
  const at = path.join(target, 'at');
  await mkdir(at);
  const server = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
  await ended('mount', ['-i', '-t', 'fuse', '-o', options, 'nobody', at], server);
  return {
    target: at,
    [Symbol.asyncDispose]: async () => {
      const isThere = (await readdir(target)).length > 0; // a test may have taken it down
      if (isThere) await ended('umount', ['--lazy', at]);
      closeSync(server); // the kernel then ends all calls that wait
      if (isThere) await rmdir(at);
      await rmdir(target);
    },
  };
}

async function ended(program: string, args: readonly string[], third?: number): Promise<void> {
  const child = spawn(program, [...args], { stdio: ['ignore', 'ignore', 'inherit', third ?? 'ignore'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}
