import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

interface DeadMount extends AsyncDisposable {
  readonly target: string;
  /**
   * Waits for the next call on it and takes it: who made the call cannot be killed from then on, until `end`. Blocks
   * this program.
   */
  take(): void;
  /** Every call fails from now on. */
  end(): void;
}

/**
 * A filesystem that never answers, as a network filesystem whose server is gone: a FUSE mount (fuse(4)) that nobody
 * serves. Every call on it waits until it is disposed of.
 */
export async function mountDead(): Promise<DeadMount> {
  const target = await mkdtemp(path.join(tmpdir(), 'open-local-dead-'));
  const at = path.join(target, 'at');
  await mkdir(at);
  const server = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
  await ended('mount', ['-i', '-t', 'fuse', '-o', options, 'nobody', at], server);
  let [isGreeted, isOpen] = [false, true];
  const end = (): void => {
    if (isOpen) closeSync(server);
    isOpen = false;
  };
  return {
    target: at,
    take: () => {
      if (!isGreeted) greet(server);
      isGreeted = true;
      readSync(server, Buffer.alloc(REQUEST_BYTES));
    },
    end,
    [Symbol.asyncDispose]: async () => {
      const isThere = (await readdir(target)).length > 0; // a test may have taken it down
      if (isThere) await ended('umount', ['--lazy', at]);
      end(); // the kernel then ends all calls that wait
      if (isThere) await rmdir(at);
      await rmdir(target);
    },
  };
}

const REQUEST_BYTES = 1024 * 1024;

/** Answers FUSE_INIT, the first request, so that others come (struct fuse_out_header and fuse_init_out). */
function greet(server: number): void {
  const request = Buffer.alloc(REQUEST_BYTES);
  readSync(server, request);
  const answer = Buffer.alloc(16 + 64);
  answer.writeUInt32LE(answer.length, 0);
  answer.writeBigUInt64LE(request.readBigUInt64LE(8), 8);
  answer.writeUInt32LE(7, 16); // version 7.31
  answer.writeUInt32LE(31, 20);
  writeSync(server, answer);
}

async function ended(program: string, args: readonly string[], third?: number): Promise<void> {
  const child = spawn(program, [...args], { stdio: ['ignore', 'ignore', 'inherit', third ?? 'ignore'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}
