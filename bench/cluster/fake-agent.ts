import type { KubeClient } from '../../src/kube/client.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import type { Store } from '../../sandbox/controllers/store.ts';

/**
 * Fakes the agents of these nodes: marks each new volume as ready at once, and does nothing else. The remaining
 * time of a claim is that of the operator and the API server.
 */
export function runFakeAgents(
  client: KubeClient,
  volumes: Pick<Store<LocalVolume>, 'subscribe'>,
  nodes: ReadonlySet<string>,
  signal: AbortSignal,
): void {
  const told = new Set<string>();
  volumes.subscribe(({ metadata: { name = '' }, spec }) => {
    if (!nodes.has(spec.nodeName) || told.has(name)) return;
    told.add(name);
    const status = { phase: 'Ready', sizeBytes: spec.sizeBytes, devicePath: `/dev/fake/${name}` };
    client
      .patch(LOCAL_VOLUMES, { name }, { type: 'merge', body: { status } }, signal, 'status')
      .catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
  });
}
