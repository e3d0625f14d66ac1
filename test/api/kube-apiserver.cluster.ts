import { rm } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import { type Cluster, startCluster } from '../control-plane/cluster/cluster.ts';
import type { Subject } from './workbench.ts';
import { rawRequests } from './raw.ts';
import { apiConformance } from './suite.ts';

let cluster: Cluster | undefined;
let subject: Subject | undefined;

beforeAll(async () => {
  cluster = await startCluster();
  const access = await loadKubeconfig(cluster.admin, { run });
  const client = createKubeClient(access, { userAgent: 'suite', timeoutMs: 10_000 });
  const official = new KubeConfig();
  official.loadFromFile(cluster.admin);
  subject = { client, official, raw: await rawRequests(access) };
}, 900_000);
afterAll(async () => {
  subject?.client.close();
  await cluster?.stop();
  if (cluster) await rm(cluster.dir, { recursive: true, force: true });
}, 60_000);

apiConformance(() => {
  if (!subject) throw new Error('the cluster has not started');
  return subject;
});
