import type { Log } from '../model/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { createInformer } from '../kube/follow/informer.ts';
import { LOCAL_VOLUMES } from '../kube/resource.ts';
import { createWorkQueue } from '../kube/work/work-queue.ts';
import type { LocalVolume } from '../model/local-volume.ts';

/** Every node's agent, for tests of the operator: does at once whatever a LocalVolume asks for. Runs until aborted. */
export async function runFakeAgent(client: KubeClient, log: Log, signal: AbortSignal): Promise<void> {
  const volumes = createInformer({ client, resource: LOCAL_VOLUMES, project: (volume: LocalVolume) => volume, log });
  const queue = createWorkQueue({
    name: 'fake agent',
    log,
    reconcile: async (name, signal) => {
      const volume = volumes.get(name);
      if (volume) await obey(client, volume, signal);
    },
  });
  volumes.subscribe({ changed: ({ metadata }) => queue.add(metadata.name ?? '') });
  await Promise.all([volumes.run(signal), queue.run(signal)]);
}

async function obey(client: KubeClient, { metadata, spec, status }: LocalVolume, signal: AbortSignal): Promise<void> {
  const key = { name: metadata.name ?? '' };
  if (metadata.deletionTimestamp !== undefined) {
    await client.patch(LOCAL_VOLUMES, key, { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
  } else if (status?.sizeBytes !== spec.sizeBytes) {
    const body = {
      status: { phase: 'Ready', sizeBytes: spec.sizeBytes, devicePath: `/dev/${spec.vgName}/${key.name}` },
    };
    await client.patch(LOCAL_VOLUMES, key, { type: 'merge', body }, signal, 'status');
  }
}
