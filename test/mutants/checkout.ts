import { execFile } from 'node:child_process';
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
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const { stdout } = await promisify(execFile)('git', args, { cwd: original, maxBuffer: 64 * 1024 * 1024 });
  for (const file of stdout.split('\0').filter((name) => name !== '' && name !== 'node_modules')) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await cp(path.join(original, file), path.join(root, file), { verbatimSymlinks: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // deleted, and git does not know yet
    });
  }
  await symlink(path.join(original, 'node_modules'), path.join(root, 'node_modules'));
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}
