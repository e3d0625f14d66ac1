import { afterAll, beforeAll } from 'vitest';
import { createApiServer } from '../../src/apiserver/api-server.ts';
import type { ClusterAccess } from '../../src/kube/access.ts';
import { createKubeClient } from '../../src/kube/rest-client.ts';
import type { Subject } from './bench.ts';
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
  subject = { client, raw: await rawRequests(access), forget: () => server.faults.compact() };
});
afterAll(async () => {
  subject.client.close();
  await server.close();
});

apiConformance(() => subject);
