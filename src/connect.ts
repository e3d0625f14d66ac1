import { run } from './exec/run.ts';
import type { KubeClient } from './kube/client.ts';
import { findAccess, type AccessFlags } from './kube/access/find-access.ts';
import type { RestOptions } from './kube/rest/rest-call.ts';
import { createKubeClient } from './kube/rest/rest-client.ts';
import { VERSION } from './version.ts';

/**
 * The API server that a process was told to use (see findAccess). Throws Fault for what cannot be used; no call is made
 * yet.
 */
export async function connect(
  name: string,
  flags: AccessFlags,
  env: Readonly<Record<string, string | undefined>>,
  options: Pick<RestOptions, 'onAnswer'> = {},
): Promise<KubeClient> {
  const access = await findAccess(flags, { run, env });
  return createKubeClient(access, { ...options, userAgent: `open-local-${name}/${VERSION}` });
}
