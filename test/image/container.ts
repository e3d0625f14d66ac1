import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ImageConfig } from './built-image.ts';

const run = promisify(execFile);
const RUN_MS = 50_000;

/**
 * Runs arguments in a container of runc's, locked as the operator's Deployment has it: the image's own user and
 * environment, a root that cannot be written, no capabilities, no new privileges, no network; `/tmp` is writable.
 * Resolves to what it said; throws unless it ends with 0.
 */
export async function runLocked(
  { config, root, dir }: { readonly config: ImageConfig; readonly root: string; readonly dir: string },
  args: readonly string[],
  { entrypoint = config.config.Entrypoint }: { readonly entrypoint?: readonly string[] } = {},
): Promise<string> {
  const [uid = 0, gid = 0] = config.config.User.split(':').map(Number);
  const temporary = { type: 'tmpfs', source: 'tmpfs' };
  const bundle = await mkdtemp(path.join(dir, 'bundle-'));
  const spec = {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid },
      args: [...entrypoint, ...args],
      env: config.config.Env,
      cwd: '/',
      noNewPrivileges: true,
      capabilities: { bounding: [], effective: [], permitted: [] },
    },
    root: { path: root, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', ...temporary, options: ['nosuid', 'mode=755'] },
      { destination: '/tmp', ...temporary, options: ['nosuid', 'mode=1777'] },
    ],
    linux: { namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })) },
  };
  await writeFile(path.join(bundle, 'config.json'), JSON.stringify(spec));
  const options = ['--root', path.join(dir, 'runc'), 'run', '--bundle', bundle, path.basename(bundle)];
  const { stdout, stderr } = await run('runc', options, { timeout: RUN_MS, maxBuffer: 1 << 26 });
  return stdout + stderr;
}
