import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApiServer, type ApiServer } from '../../sandbox/apiserver/api-server.ts';
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';

const CRDS = ['localvolumes', 'nodelocalstorages', 'nodelocalstorageinitconfigs'];

export interface OurApi {
  readonly api: ApiServer;
  readonly client: KubeClient;
  /** Folder for sockets and files; `close` removes it. */
  readonly folder: string;
  close(): Promise<void>;
}

/**
 * Starts an in-memory API server that knows our kinds, and makes a client for it. `edit` may make other definitions of
 * ours, such as older ones.
 */
export async function startOurApi(edit: (definition: string) => string = (text) => text): Promise<OurApi> {
  const crds = CRDS.map((name) => readFile(path.join(import.meta.dirname, `../../crds/${name}.yaml`), 'utf8'));
  const api = createApiServer({ crds: (await Promise.all(crds)).map(edit) });
  await api.listen();
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-'));
  const kubeconfig = path.join(folder, 'kubeconfig');
  await api.writeKubeconfig(kubeconfig);
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test', timeoutMs: 5000 });
  const close = async (): Promise<void> => {
    client.close();
    await api.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { api, client, folder, close };
}
