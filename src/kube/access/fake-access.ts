import type { ClusterAccess } from './access.ts';

/** Access for tests: no credentials unless given. */
export const fakeAccess = (server: URL, more: Partial<ClusterAccess> = {}): ClusterAccess => ({
  server,
  insecure: false,
  namespace: 'default',
  identity: () => Promise.resolve({}),
  refused: () => {},
  ...more,
});
