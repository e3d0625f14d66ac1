import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createApiServer } from '../apiserver/api-server.ts';
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { SnapshotStores, Stores } from '../controllers/deps.ts';
import { registerNode } from './machines.ts';
import { openSnapshotStores, openStores } from '../controllers/stores.ts';
import { snapshotDefinitions } from './snapshot-definitions.ts';

export interface ControlPlane {
  readonly kubeconfig: string;
  readonly client: KubeClient;
  readonly stores: Stores & SnapshotStores;
}

/** The API server with our kinds and the Node objects, a client for it, and stores that follow its objects. */
export async function startControlPlane(
  { nodes, crdDirectory, directory, log }: ClusterOptions,
  started: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<ControlPlane> {
  const files = (await readdir(crdDirectory)).filter((name) => name.endsWith('.yaml'));
  const crds = await Promise.all(files.map((name) => readFile(path.join(crdDirectory, name), 'utf8')));
  const server = createApiServer({ crds: [...crds, ...snapshotDefinitions()] });
  await server.listen();
  started.defer(() => server.close());
  const kubeconfig = path.join(directory, 'kubeconfig');
  await server.writeKubeconfig(kubeconfig);

  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'open-local-sandbox' });
  started.defer(() => client.close());
  for (const node of nodes) await registerNode(node, client, signal);
  const ending = new AbortController();
  started.defer(() => ending.abort());
  const following = AbortSignal.any([signal, ending.signal]);
  const [stores, snapshots] = await Promise.all([
    openStores(client, log, following),
    openSnapshotStores(client, log, following),
  ]);
  return { kubeconfig, client, stores: { ...stores, ...snapshots } };
}
