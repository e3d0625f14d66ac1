import path from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { kubectl } from '../cluster/identities.ts';
import { supervise, type Supervised } from '../cluster/supervised.ts';

/** Applies the kinds of snapshots, and of group snapshots, as an administrator would before open-local. */
export async function applySnapshotKinds(cluster: Cluster, { groups = false } = {}): Promise<void> {
  const folder = path.dirname(cluster.binary('csi-snapshotter'));
  await kubectl(cluster, 'apply', '-f', path.join(folder, 'snapshot-crds'));
  if (groups) await kubectl(cluster, 'apply', '-f', path.join(folder, 'groupsnapshot-crds'));
  await kubectl(cluster, 'wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
}

/** The cluster's own snapshot-controller. */
export const startSnapshotController = (cluster: Cluster): Supervised =>
  supervise(cluster.dir, 'snapshot-controller', [
    ...[cluster.binary('snapshot-controller'), `--kubeconfig=${cluster.admin}`, '--worker-threads=30', '--v=4'],
    ...['--kube-api-qps=100', '--kube-api-burst=200'],
  ]);
