import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const checkout = path.join(import.meta.dirname, '../..');

/** The program as it is now, built apart from `dist/`, which may be older or being built by somebody else. */
export interface Program extends AsyncDisposable {
  /** Has `bin/`, `dist/`, `crds/` and `examples/`. */
  readonly root: string;
  /** For the logs of one run. */
  readonly logs: string;
  /** The only place for temporary files of the sandbox. */
  readonly scratch: string;
  /** Runs `open-local` to its end, whatever that is. */
  run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** What the sandbox left behind in its scratch folder. */
  leftovers(): Promise<string[]>;
}

export async function buildProgram(): Promise<Program> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'demo-'));
  const dispose = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    const [logs, scratch] = [path.join(root, 'logs'), path.join(root, 't')];
    await Promise.all(['bin', 'logs', 't'].map((name) => mkdir(path.join(root, name))));
    await copyFile(path.join(checkout, 'bin/open-local'), path.join(root, 'bin/open-local'));
    for (const name of ['crds', 'examples', 'node_modules'])
      await symlink(path.join(checkout, name), path.join(root, name));
    await promisify(execFile)(process.execPath, [path.join(checkout, 'build.ts'), path.join(root, 'dist')]);
    return {
      root,
      logs,
      scratch,
      run: (...args) =>
        runToEnd(path.join(root, 'bin/open-local'), args, { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', TMPDIR: scratch }),
      leftovers: () => readdir(scratch),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function runToEnd(
  file: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
  execFile(file, [...args], { env, maxBuffer: 64 * 1024 * 1024, timeout: 170_000 }, (error, stdout, stderr) => {
    const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
    resolve({ code, stdout, stderr });
  });
  return promise;
}
