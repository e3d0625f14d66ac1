import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll } from 'vitest';
import { createApiServer } from '../../sandbox/apiserver/api-server.ts';
import type { ClusterAccess } from '../../src/kube/access/access.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { Subject } from './workbench.ts';
import { rawRequests } from './raw.ts';
import { apiConformance } from './suite.ts';

const server = createApiServer();
let subject: Subject;

beforeAll(async () => {
  const access: ClusterAccess = {
    server: new URL(await server.listen()),
    insecure: false,
    namespace: 'default',
    identity: () => Promise.resolve({}),
    refused: () => {},
  };
  const client = createKubeClient(access, { userAgent: 'suite', timeoutMs: 10_000 });
  const official = new KubeConfig();
  // Without TLS the official client wants to be told that none is checked.
  official.loadFromClusterAndUser({ name: 'c', server: access.server.origin, skipTLSVerify: true }, { name: 'u' });
  subject = { client, official, raw: await rawRequests(access), forget: () => server.troubles.compact() };
});
afterAll(async () => {
  subject.client.close();
  await server.close();
});

apiConformance(() => subject);
