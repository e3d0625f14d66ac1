import path from 'node:path';
import type { KubeClient } from '../../src/kube/client.ts';
import { createWorkQueue } from '../../src/kube/work/work-queue.ts';
import { createClaimBinder } from '../controllers/claim-binder.ts';
import type { ControllerCalls, NodeCalls, SnapshotCalls } from '../controllers/csi-calls.ts';
import type { Deps, SnapshotStores, Stores } from '../controllers/deps.ts';
import { createDeployments } from '../controllers/deployment.ts';
import { createGarbageCollector } from '../controllers/garbage-collector.ts';
import { createJobs } from '../controllers/job.ts';
import { createKubelets } from '../controllers/kubelet.ts';
import { createPodVolumes, type PodVolumes, type SecretsAt } from '../controllers/pod-volumes.ts';
import { SECRETS } from '../controllers/kinds.ts';
import { createProvisioner, createVolumeDeleter } from '../controllers/provisioner.ts';
import { createReplicaSets } from '../controllers/replica-set.ts';
import { createResizer } from '../controllers/resizer.ts';
import { createExtenderClient } from '../scheduler/extender-client.ts';
import { runScheduler } from '../scheduler/scheduler.ts';
import { createSnapshotter } from '../controllers/snapshotter.ts';
import type { StandIn } from '../controllers/stand-in.ts';
import { createStatefulSets } from '../controllers/statefulset.ts';
import { createVolumeReleaser } from '../controllers/volume-releaser.ts';

export interface StandInsDeps extends Deps {
  readonly stores: Stores & SnapshotStores;
  readonly driver: string;
  /** Address of the extender, `http://host:port`. */
  readonly extenderUrl: string;
  readonly controller: ControllerCalls & SnapshotCalls;
  /** Nodes, each with a kubelet whose `/var/lib/kubelet` is `directory`. */
  readonly nodes: readonly KubeletNode[];
}

export interface KubeletNode {
  readonly name: string;
  readonly csi: NodeCalls;
  readonly directory: string;
}

/** Makes the volume half of a kubelet for each node, by name of the node. */
export const podVolumesOf = (
  nodes: readonly KubeletNode[],
  client: Pick<KubeClient, 'get'>,
): Map<string, PodVolumes> => {
  const secretsAt: SecretsAt = async (ref, signal) => {
    const { data = {} } = ref ? await client.get(SECRETS, ref, signal) : {};
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  };
  return new Map(
    nodes.map(({ name, csi, directory }) => [name, createPodVolumes(csi, path.join(directory, 'kubelet'), secretsAt)]),
  );
};

/** Back-off shorter than that of Kubernetes, since a person is watching. */
const BACKOFF = { baseMs: 200, maxMs: 5000 };

/** Runs every stand-in until the signal; resolves when the work under way has ended. */
export async function runStandIns(deps: StandInsDeps, signal: AbortSignal): Promise<void> {
  // The same settings as `open-local scheduler-config` prints.
  const extender = createExtenderClient({
    urlPrefix: `${deps.extenderUrl}/scheduler`,
    filterVerb: 'filter',
    prioritizeVerb: 'prioritize',
    weight: 10,
    timeoutMs: 5000,
  });
  const standIns = [
    createClaimBinder(deps),
    createVolumeReleaser(deps),
    createStatefulSets(deps),
    createDeployments(deps),
    createReplicaSets(deps),
    createJobs(deps),
    createGarbageCollector(deps),
    createProvisioner(deps),
    createVolumeDeleter(deps),
    createResizer(deps),
    createSnapshotter(deps),
    createKubelets({ ...deps, nodes: podVolumesOf(deps.nodes, deps.client) }),
  ];
  try {
    await Promise.all([
      runScheduler({ ...deps, extender }, signal),
      ...standIns.map((standIn) => runStandIn(standIn, deps, signal)),
    ]);
  } finally {
    extender.close();
  }
}

/** Feeds one stand-in with the keys that a change concerns, and repeats what failed. */
export async function runStandIn(standIn: StandIn, { log }: Pick<Deps, 'log'>, signal: AbortSignal): Promise<void> {
  const queue = createWorkQueue({
    name: standIn.name,
    log,
    reconcile: (key, signal) => standIn.reconcile(key, signal),
    concurrency: standIn.concurrency ?? 10,
    backoff: BACKOFF,
  });
  const ends = standIn.wakes.map((wake) => wake.follow((key) => queue.add(key)));
  try {
    await queue.run(signal);
  } finally {
    ends.forEach((end) => end());
  }
}
