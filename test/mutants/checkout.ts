import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** A copy of the checkout, as its files are now, in which faults can be planted. */
export interface Checkout extends AsyncDisposable {
  readonly root: string;
}

/** Copies what git knows or would add; packages are shared with the original. */
export async function copyCheckout(original: string): Promise<Checkout> {
  const root = await mkdtemp(path.join(tmpdir(), 'mutants-'));
  const forget = removeWhenEnded(root);
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const { stdout } = await promisify(execFile)('git', args, { cwd: original, maxBuffer: 64 * 1024 * 1024 });
  for (const file of stdout.split('\0').filter((name) => name !== '' && name !== 'node_modules')) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await cp(path.join(original, file), path.join(root, file), { verbatimSymlinks: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // deleted, and git does not know yet
    });
  }
  await symlink(path.join(original, 'node_modules'), path.join(root, 'node_modules'));
  const dispose = async (): Promise<void> => {
    await rm(root, { recursive: true, force: true });
    forget();
  };
  return { root, [Symbol.asyncDispose]: dispose };
}

/**
 * Removes the folder when a signal ends the process, which then ends as if nobody had listened. Returns how to stop.
 */
function removeWhenEnded(folder: string): () => void {
  const forget = (): void => {
    for (const signal of ENDING) process.off(signal, remove);
  };
  const remove = (signal: NodeJS.Signals): void => {
    // Tests that still run in it may write meanwhile; they end with this process.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    forget();
    process.kill(process.pid, signal);
  };
  for (const signal of ENDING) process.on(signal, remove);
  return forget;
}

const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
