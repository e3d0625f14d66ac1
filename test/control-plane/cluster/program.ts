import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export const CHECKOUT = path.join(import.meta.dirname, '../../..');

/** The program as it is now, built apart from `dist/`, which somebody else may be building. */
export interface Program extends AsyncDisposable {
  /** Path of the program `open-local`. */
  readonly file: string;
}

export async function buildProgram(): Promise<Program> {
  const root = await mkdtemp(path.join(tmpdir(), 'open-local-program-'));
  const dispose = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    const file = path.join(root, 'bin/open-local');
    await mkdir(path.dirname(file));
    for (const name of ['open-local', 'kubectl-open_local'])
      await copyFile(path.join(CHECKOUT, 'bin', name), path.join(root, 'bin', name));
    await symlink(path.join(CHECKOUT, 'node_modules'), path.join(root, 'node_modules'));
    await promisify(execFile)(process.execPath, [path.join(CHECKOUT, 'build.ts'), path.join(root, 'dist')]);
    return { file, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
