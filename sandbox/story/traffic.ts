import type { KubeClient } from '../../src/kube/client.ts';
import { unlessGone } from '../../src/kube/find.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { Clock } from '../../src/wait/clock.ts';
import { applyObject } from './perform.ts';

/** With so many pods the oldest goes. */
const MOST = 8;
/** Each so many pods one asks for more than any group has: something waits, and is told why. */
const TOO_LARGE_EVERY = 7;
const PAUSE_MS = 2000;
const NAMESPACE = 'default';
const CLASSES = ['open-local-lvm', 'open-local-lvm-xfs'] as const;

/** The pod that comes as the nth, counted from 0, with its claim. */
export function trafficOf(n: number): { readonly name: string; readonly objects: readonly KubeObject[] } {
  const name = `traffic-${n}`;
  const size = n % TOO_LARGE_EVERY === TOO_LARGE_EVERY - 1 ? '500Gi' : `${1 + (n % 4)}Gi`;
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: NAMESPACE, labels: { app: 'traffic' } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: CLASSES[n % CLASSES.length],
      resources: { requests: { storage: size } },
    },
  };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { app: 'traffic' } },
    spec: {
      containers: [{ name: 'app', image: 'app', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
    },
  };
  return { name, objects: [claim, pod] };
}

/**
 * Pods with claims come and go: one more every two seconds, and the oldest goes when there are eight. Resolves when the
 * signal ends it. Throws the API server's error.
 */
export async function runTraffic(
  { client, clock }: { readonly client: KubeClient; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  try {
    for (let n = 0; ; n += 1) {
      for (const object of trafficOf(n).objects) await applyObject(object, client, signal);
      if (n + 1 >= MOST) await remove(trafficOf(n + 1 - MOST).name, client, signal);
      await clock.sleep(PAUSE_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function remove(name: string, client: KubeClient, signal: AbortSignal): Promise<void> {
  const key = { name, namespace: NAMESPACE };
  await unlessGone(client.delete(PODS, key, signal));
  await unlessGone(client.delete(CLAIMS, key, signal));
}
