import { run } from './exec/run.ts';
import type { KubeClient } from './kube/client.ts';
import { inClusterAccess } from './kube/access/in-cluster.ts';
import { loadKubeconfig } from './kube/access/kubeconfig.ts';
import { createKubeClient } from './kube/rest/rest-client.ts';
import { VERSION } from './version.ts';

/** What a credential plug-in may see of our environment. */
const PLUGIN_ENV = ['PATH', 'HOME', 'KUBERNETES_EXEC_INFO', 'HTTPS_PROXY', 'NO_PROXY'];

/**
 * The API server that a process was told to use: by a kubeconfig file, else by the pod's service account. Throws Fault for what
 * cannot be used; no call is made yet.
 */
export async function connect(
  name: string,
  kubeconfig: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KubeClient> {
  const seen = Object.fromEntries(PLUGIN_ENV.flatMap((key) => (env[key] === undefined ? [] : [[key, env[key]]])));
  const access =
    kubeconfig === undefined ? await inClusterAccess({ env }) : await loadKubeconfig(kubeconfig, { run, env: seen });
  return createKubeClient(access, { userAgent: `open-local-${name}/${VERSION}` });
}
