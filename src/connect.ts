import { run } from './exec/run.ts';
import type { KubeClient } from './kube/client.ts';
import { findAccess, type AccessFlags } from './kube/access/find-access.ts';
import type { RestOptions } from './kube/rest/rest-call.ts';
import { createKubeClient } from './kube/rest/rest-client.ts';
import { VERSION } from './version.ts';

/** A client, and the namespace that is meant where none is named. */
export interface Reached {
  readonly client: KubeClient;
  readonly namespace: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The API server that a process was told to use (see findAccess). Throws Fault for what cannot be used; no call is made
 * yet.
 */
export async function reach(
  name: string,
  flags: AccessFlags,
  env: Environment,
  options: Pick<RestOptions, 'onAnswer' | 'timeoutMs'> = {},
): Promise<Reached> {
  const access = await findAccess(flags, { run, env });
  const client = createKubeClient(access, { ...options, userAgent: `open-local-${name}/${VERSION}` });
  return { client, namespace: access.namespace };
}

/** As `reach`, for whoever names every namespace. */
export const connect = async (...how: Parameters<typeof reach>): Promise<KubeClient> => (await reach(...how)).client;
