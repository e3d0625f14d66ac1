import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/client.ts';
import { PODS } from '../../src/kube/resource.ts';
import { isMarked } from '../../src/model/marked-pods.ts';
import type { Cluster } from '../../test/control-plane/cluster/cluster.ts';
import { kubectl } from '../../test/control-plane/cluster/identities.ts';
import { CHECKOUT } from '../../test/control-plane/cluster/program.ts';

const never = new AbortController().signal;
const POLICY = path.join(CHECKOUT, 'deploy/marked-pods');
const PROBE = {
  metadata: { namespace: 'default', name: 'probe' },
  spec: {
    containers: [{ name: 'main', image: 'none' }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'probe' } }],
  },
};

/** Has new pods with claims marked, until disposed: the API server needs a moment to hear of a policy. */
export async function markPods({
  cluster,
  client,
}: {
  readonly cluster: Cluster;
  readonly client: KubeClient;
}): Promise<AsyncDisposable> {
  await kubectl(cluster, 'apply', '-k', POLICY);
  for (let marked = false; !marked;) {
    marked = isMarked(await client.create(PODS, PROBE, never));
    await client.delete(PODS, PROBE.metadata, never, { gracePeriodSeconds: 0 });
    if (!marked) await delay(200);
  }
  return { [Symbol.asyncDispose]: async () => void (await kubectl(cluster, 'delete', '-k', POLICY)) };
}
