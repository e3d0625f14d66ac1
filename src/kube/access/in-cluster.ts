import path from 'node:path';
import { Fault } from '../../model/fault.ts';
import type { ClusterAccess } from './access.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { fileText } from './text-source.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterOptions {
  /** The process's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder with `token`, `ca.crt` and `namespace`; absent: where every pod has them. */
  readonly serviceAccount?: string;
  readonly clock?: Clock;
}

/**
 * Access from inside a pod: two variables and the service account's files, read again as they rotate.
 * Throws Fault `precondition` outside of a pod, and `invalid` for a file that cannot be read.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export async function inClusterAccess(options: InClusterOptions): Promise<ClusterAccess> {
  const { env, serviceAccount = SERVICE_ACCOUNT, clock = systemClock } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new Fault(
      'precondition',
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: outside of a cluster give a kubeconfig file',
    );
  }
  const file = (name: string): ReturnType<typeof fileText> =>
    fileText(path.join(serviceAccount, name), 'service account', clock);
  const token = file('token');
  const ca = file('ca.crt');
  const identity = async (): Promise<{ token: string; ca: string }> => ({
    token: await token.read(),
    ca: await ca.read(),
  });

  await identity();
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    insecure: false,
    namespace: await file('namespace')
      .read()
      .catch(() => 'default'),
    identity,
    refused: () => {
      token.refresh();
      ca.refresh();
    },
  };
}
