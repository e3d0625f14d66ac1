import { setTimeout as delay } from 'node:timers/promises';
import { silentLog } from '../../src/model/log.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { createInformer } from '../../src/kube/follow/informer.ts';
import { CLAIMS, VOLUMES } from '../../src/kube/resource.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../src/model/objects.ts';
import { DEFAULT_DRIVER, SELECTED_NODE, TOPOLOGY_KEY } from '../../src/model/well-known.ts';
import { GROUP } from './nodes.ts';

const never = new AbortController().signal;

/**
 * Delay before a claim is bound, ms: a scheduler that has not yet heard of its own write misses a claim that is bound
 * at once.
 */
const TAKES_MS = 50;

/**
 * Annotation by which the scheduler takes a claim as bound:
 * https://kubernetes.io/docs/reference/labels-annotations-taints/#pv-kubernetes-io-bind-completed
 */
const BOUND = 'pv.kubernetes.io/bind-completed';

/**
 * Fakes provisioner, driver and volume controller: binds a claim whose node is chosen with two requests. Bursts
 * of pods with claims then measure the scheduler and its extender, not the sidecars' limit of requests.
 */
export async function bindClaims(client: KubeClient, signal: AbortSignal): Promise<void> {
  const claims = createInformer<PersistentVolumeClaim, PersistentVolumeClaim>({
    client,
    resource: CLAIMS,
    project: (claim) => claim,
    log: silentLog,
  });
  const done = new Set<string>();
  claims.subscribe({
    changed: (claim) => {
      const { annotations, uid = '' } = claim.metadata;
      const node = annotations?.[SELECTED_NODE];
      if (node === undefined || claim.spec?.volumeName !== undefined || done.has(uid)) return;
      done.add(uid);
      bind(claim, node, client).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    },
  });
  await claims.run(signal);
}

async function bind({ metadata, spec }: PersistentVolumeClaim, node: string, client: KubeClient): Promise<void> {
  const { namespace = '', name = '', uid = '' } = metadata;
  const volume = `local-${uid}`;
  const pv = {
    metadata: { name: volume },
    spec: {
      storageClassName: spec?.storageClassName,
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: spec?.resources?.requests?.['storage'] ?? '' },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      csi: { driver: DEFAULT_DRIVER, volumeHandle: volume, volumeAttributes: { volumeType: 'LVM', vgName: GROUP } },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: TOPOLOGY_KEY, operator: 'In', values: [node] }] }],
        },
      },
    },
  } as PersistentVolume;
  await delay(TAKES_MS);
  await client.create(VOLUMES, pv, never);
  const body = { metadata: { annotations: { [BOUND]: 'yes' } }, spec: { volumeName: volume } };
  await client.patch(CLAIMS, { namespace, name }, { type: 'merge', body }, never);
}
