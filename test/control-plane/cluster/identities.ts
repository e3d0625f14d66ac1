import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from './cluster.ts';

/** Runs kubectl with all rights; resolves to its stdout, rejects with its stderr. */
export async function kubectl(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const options = { maxBuffer: 1 << 26, timeout: 60_000 };
  return (await promisify(execFile)(cluster.binary('kubectl'), ['--kubeconfig', cluster.admin, ...args], options))
    .stdout;
}

/**
 * Writes a kubeconfig with a token of the ServiceAccount in the namespace `open-local`, bound to `node` like the token
 * of a pod there.
 */
export async function serviceAccountKubeconfig(cluster: Cluster, account: string, node?: string): Promise<string> {
  const bound = node === undefined ? [] : ['--bound-object-kind=Node', `--bound-object-name=${node}`];
  const token = await kubectl(cluster, 'create', 'token', account, '-n', 'open-local', '--duration=2h', ...bound);
  const config = JSON.parse(await readFile(cluster.admin, 'utf8')) as object;
  const file = path.join(cluster.dir, `${node ?? ''}${account}.kubeconfig`);
  await writeFile(file, JSON.stringify({ ...config, users: [{ name: 'u', user: { token: token.trim() } }] }));
  return file;
}
