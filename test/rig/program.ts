import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** Folder of the checkout. */
export const CHECKOUT = path.join(import.meta.dirname, '../..');

/**
 * The program built from the checkout as it is now, apart from `dist/`, which may be older or being built by somebody
 * else.
 */
export interface Program extends AsyncDisposable {
  /** Folder with everything that the sandbox needs: `bin/`, `dist/`, `crds/`, `deploy/`, `examples/`. */
  readonly root: string;
  /** Folder for the logs of one run. */
  readonly logs: string;
  /** Runs `open-local` and resolves when it ends, whatever its exit code. */
  run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** Starts `open-local` and resolves to the first match of `line` in its output. The caller ends it. */
  startUntil(
    args: readonly string[],
    line: RegExp,
  ): Promise<{ readonly child: ChildProcess; readonly match: string[] }>;
  /** Lists the command lines of the running processes of this program. */
  processes(): Promise<string[]>;
  /** Lists what a run left behind: temporary files of the sandbox, and processes of this program. */
  leftovers(): Promise<string[]>;
  /** Deletes the temporary files that a killed run left behind. */
  clear(): Promise<void>;
}

export async function buildProgram(): Promise<Program> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'demo-'));
  const dispose = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    const [logs, scratch] = [path.join(root, 'logs'), path.join(root, 't')];
    await Promise.all(['bin', 'logs', 't'].map((name) => mkdir(path.join(root, name))));
    await copyFile(path.join(CHECKOUT, 'bin/open-local'), path.join(root, 'bin/open-local'));
    for (const name of ['crds', 'deploy', 'examples', 'node_modules'])
      await symlink(path.join(CHECKOUT, name), path.join(root, name));
    await promisify(execFile)(process.execPath, [path.join(CHECKOUT, 'build.ts'), path.join(root, 'dist')]);
    const [file, env] = [path.join(root, 'bin/open-local'), { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', TMPDIR: scratch }];
    return {
      root,
      logs,
      run: (...args) => runToEnd(file, args, env),
      startUntil: (args, line) => startUntil(spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] }), line),
      processes: () => processesOf(root),
      leftovers: async () => [...(await readdir(scratch)), ...(await processesOf(root))],
      clear: async () => {
        await rm(scratch, { recursive: true });
        await mkdir(scratch);
      },
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

async function startUntil(child: ChildProcess, line: RegExp): Promise<{ child: ChildProcess; match: string[] }> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const match = line.exec(said);
    if (match) resolve([...match]);
  });
  child.once('exit', (code) => reject(new Error(`ended with ${code} before it said ${line.source}: ${said}`)));
  return { child, match: await promise };
}

/** Lists command lines of running processes that contain the folder. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.map((line) => line.replaceAll('\0', ' ')).filter((line) => line.includes(folder));
}
