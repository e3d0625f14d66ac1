import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { reportOf, type SimulatedStorage } from '../../../src/lvm/simulated-groups.ts';
import { CONTROL_NODES } from '../system/pod-processes.ts';
import { POOL, type System } from '../system/system.ts';

/** How much of each node's group is promised: by LocalVolume objects, and by logical volumes on its disks. Bytes. */
export interface Promised {
  readonly node: string;
  readonly total: number;
  readonly recorded: number;
  readonly onDisk: number;
}

/**
 * What every simulated node has promised, from the API objects and from the agents' own state. Throws when no node has
 * reported anything: of an empty list everything is true.
 */
export async function promised({ cluster, stores }: System): Promise<Promised[]> {
  const all = stores.nodeStorages.list().map(({ metadata }) => metadata.name ?? '');
  // No agent runs where the operator's own pods are.
  const nodes = all.filter((name) => !CONTROL_NODES.includes(name));
  if (nodes.length === 0) throw new Error('no node has reported its storage: nothing can be said about promises');
  return Promise.all(
    nodes.map(async (node) => {
      const file = path.join(cluster.dir, 'n', node, 'disks.json');
      const { groups } = reportOf(JSON.parse(await readFile(file, 'utf8')) as SimulatedStorage);
      const group = groups.find(({ name }) => name === POOL);
      const volumes = stores.localVolumes.list().filter(({ spec }) => spec.nodeName === node && spec.vgName === POOL);
      return {
        node,
        total: reportedTotal({ stores }, node),
        recorded: sum(volumes.map(({ spec }) => spec.sizeBytes)),
        onDisk: sum((group?.volumes ?? []).map(({ size }) => size)),
      };
    }),
  );
}

/**
 * Nodes on which more is promised than there is, or something else than what is on the disks, or that have no group.
 */
export const broken = (all: readonly Promised[]): Promised[] =>
  all.filter(({ total, recorded, onDisk }) => total === 0 || recorded > total || onDisk > total || recorded !== onDisk);

function reportedTotal({ stores }: Pick<System, 'stores'>, node: string): number {
  const groups = stores.nodeStorages.get(node)?.status?.nodeStorageInfo?.volumeGroups ?? [];
  return groups.find(({ name }) => name === POOL)?.total ?? 0;
}

const sum = (sizes: readonly number[]): number => sizes.reduce((all, size) => all + size, 0);
