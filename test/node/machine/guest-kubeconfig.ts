import { stringify } from 'yaml';

/** Makes the text of a kubeconfig from its one cluster and its one user. */
export const guestKubeconfig = (
  cluster: Readonly<Record<string, string>>,
  user: Readonly<Record<string, string>>,
): string =>
  stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  });

/**
 * The API server of a control plane on this machine, as its guest sees it: 10.0.2.2 is this machine's loopback there,
 * an address that the server's certificate lacks.
 */
export const clusterOfHost = (server: string, authority: string): Readonly<Record<string, string>> => ({
  server: `https://10.0.2.2:${new URL(server).port}`,
  'tls-server-name': 'localhost',
  'certificate-authority': authority,
});
