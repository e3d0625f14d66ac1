import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Run } from '../../exec/run.ts';
import { Fault } from '../../model/fault.ts';
import type { ClusterAccess } from './access.ts';
import { inClusterAccess } from './in-cluster.ts';
import { loadKubeconfig } from './kubeconfig.ts';
import { proxyFromEnvironment } from './proxy-from-environment.ts';

/** What a command line says about the API server. */
export interface AccessFlags {
  /** A kubeconfig file. */
  readonly kubeconfig: string | undefined;
  /** A context of the kubeconfig; absent: its current one. */
  readonly context: string | undefined;
}

export interface FindAccessOptions {
  /** Runs a credential plug-in. */
  readonly run: Run;
  /** The process's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** See InClusterOptions. */
  readonly serviceAccount?: string;
}

/**
 * The API server to use: by the flag's kubeconfig, else by the files in KUBECONFIG, else by the pod's service account,
 * else by ~/.kube/config: the order of controller-runtime's GetConfig. A named context is looked for in kubeconfigs
 * only. Where the kubeconfig names no proxy, the environment may. Throws Fault `precondition` when there is none of
 * these, and `invalid` for what cannot be used.
 * https://pkg.go.dev/sigs.k8s.io/controller-runtime/pkg/client/config#GetConfig
 */
export async function findAccess(flags: AccessFlags, options: FindAccessOptions): Promise<ClusterAccess> {
  const access = await accessOf(flags, options);
  return { ...access, proxy: access.proxy ?? proxyFromEnvironment(access.server, options.env) };
}

async function accessOf(flags: AccessFlags, options: FindAccessOptions): Promise<ClusterAccess> {
  const { kubeconfig, context } = flags;
  const { env } = options;
  const load = (files: readonly string[]): Promise<ClusterAccess> => loadKubeconfig(files, { ...options, context });
  if (kubeconfig !== undefined) return load([kubeconfig]);
  if (env['KUBECONFIG']) return load(filesIn(env['KUBECONFIG']));
  if (env['KUBERNETES_SERVICE_HOST'] && context === undefined) return inClusterAccess(options);
  const own = path.join(env['HOME'] ?? '/', '.kube', 'config');
  if (existsSync(own)) return load([own]);
  throw new Fault('precondition', `neither in a cluster nor told of one: give --kubeconfig, KUBECONFIG or ${own}`);
}

/** The files that a list names and that are there, as with kubectl. Throws Fault `precondition` when none is. */
function filesIn(list: string): readonly string[] {
  const files = list.split(path.delimiter).filter((file) => file !== '' && existsSync(file));
  if (files.length > 0) return files;
  throw new Fault('precondition', `KUBECONFIG: none of its files is there: ${list}`);
}
