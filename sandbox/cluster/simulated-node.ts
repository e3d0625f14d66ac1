import type { KubeClient } from '../../src/kube/client.ts';
import { isAlreadyExists } from '../../src/kube/errors.ts';
import { LEASES, microTime } from '../../src/kube/lease/lease-record.ts';
import { NODES, type Resource } from '../../src/kube/resource.ts';
import type { KubeObject, Node } from '../../src/model/objects.ts';
import { TOPOLOGY_KEY } from '../../src/model/well-known.ts';
import { CSI_NODES } from '../controllers/kinds.ts';
import type { StoryNode } from '../story/story.ts';
import { unlessGone } from '../../src/kube/find.ts';

/** Label of the nodes that cannot run containers. */
export const SIMULATED_LABEL = 'csi.aliyun.com/simulated-node';

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const ROOM = { cpu: '1000', memory: '1000Gi', pods: '10000' };

/**
 * Makes the Node object of a machine that has no kubelet, Ready and without taints, or takes over the one that is
 * there. A real API server gives every new Node the taint `not-ready`, which the node controller or this function
 * removes.
 */
export async function joinNode({ name, labels }: StoryNode, client: KubeClient, signal: AbortSignal): Promise<void> {
  const metadata = { name, labels: { ...labels, [TOPOLOGY_KEY]: name, [SIMULATED_LABEL]: 'true' } };
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata };
  await client.create(NODES, node, signal).catch(unlessItExists);
  const conditions = [{ type: 'Ready', status: 'True', reason: 'Simulated', message: 'there is no kubelet' }];
  const status = { conditions, capacity: ROOM, allocatable: ROOM };
  await client.patch(NODES, { name }, { type: 'merge', body: { status } }, signal, 'status');
  await client.patch(NODES, { name }, { type: 'merge', body: { spec: { taints: null } } }, signal);
  await client.create(LEASES, leaseOf(name), signal).catch(unlessItExists);
}

/** Renews the Ready condition of the node, as a kubelet does every 10 s. */
export async function beat(name: string, client: KubeClient, signal: AbortSignal): Promise<void> {
  const { spec } = leaseOf(name);
  await client.patch(LEASES, { namespace: LEASE_NAMESPACE, name }, { type: 'merge', body: { spec } }, signal);
}

/** Deletes the Node and the CSINode, which `joinNode` and the driver's registration made. */
export async function leaveNode(name: string, client: KubeClient, signal: AbortSignal): Promise<void> {
  const made: readonly (readonly [Resource, { readonly name: string; readonly namespace?: string }])[] = [
    [CSI_NODES, { name }],
    [LEASES, { namespace: LEASE_NAMESPACE, name }],
    [NODES, { name }],
  ];
  for (const [resource, key] of made) {
    await unlessGone(client.delete(resource, key, signal));
  }
}

const leaseOf = (name: string): KubeObject & { readonly spec: object } => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace: LEASE_NAMESPACE },
  spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime(new Date()) },
});

function unlessItExists(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}
