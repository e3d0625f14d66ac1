import type { KubeClient } from '../../src/kube/client.ts';
import { isAlreadyExists } from '../../src/kube/errors.ts';
import { NODE_LOCAL_STORAGES, NODES } from '../../src/kube/resource.ts';
import { GIB, MIB } from '../../src/model/bytes.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';

/**
 * Nodes without machines: each a Node with all resources, and a NodeLocalStorage that reports a volume group of 1 TiB.
 */

export const GROUP = 'open-local-pool-0';
export const nodeAt = (i: number): string => `node-${i}`;

const AT_ONCE = 40;
const never = new AbortController().signal;
const ROOM = { cpu: '1000', memory: '1000Gi', pods: '10000' };
const TOTAL = 1024 * GIB;
const STATUS = {
  nodeStorageInfo: {
    phase: 'Running',
    volumeGroups: [
      {
        name: GROUP,
        physicalVolumes: ['/dev/sdb'],
        logicalVolumes: [],
        total: TOTAL,
        available: TOTAL,
        allocatable: TOTAL,
        extentSize: 4 * MIB,
      },
    ],
  },
  filteredStorageInfo: { volumeGroups: [GROUP] },
};

/** Creates the nodes with numbers from `from` to `to` − 1. */
export async function makeNodes(client: KubeClient, from: number, to: number): Promise<void> {
  const names = Array.from({ length: to - from }, (_, i) => nodeAt(from + i));
  await forEachOf(names, AT_ONCE, async (name) => {
    const conditions = [{ type: 'Ready', status: 'True' }];
    const labels = { 'kubernetes.io/hostname': name };
    const node = { metadata: { name, labels }, status: { conditions, capacity: ROOM, allocatable: ROOM } };
    await client.create(NODES, node, never);
    const spec = { nodeName: name, listConfig: { vgs: { include: [GROUP] } } };
    await client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec }, never).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error; // a running operator sometimes creates it first
    });
    const patch = { type: 'merge', body: { status: STATUS } } as const;
    await client.patch(NODE_LOCAL_STORAGES, { name }, patch, never, 'status');
  });
}
