import { stringify } from 'yaml';

/** The text of a kubeconfig for a server without authentication. */
export function kubeconfigFor(server: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'open-local', cluster: { server } }],
    users: [{ name: 'anyone', user: {} }],
    contexts: [{ name: 'open-local', context: { cluster: 'open-local', user: 'anyone' } }],
    'current-context': 'open-local',
  });
}
