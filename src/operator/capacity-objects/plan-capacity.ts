import { createHash } from 'node:crypto';
import type { Capacity } from '../../capacity/get-capacity.ts';
import { BEYOND_ANY_NODE, type Bytes } from '../../model/bytes.ts';
import type { LabelSelector } from '../../model/objects.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';

/** One CSIStorageCapacity as it should be. */
export interface PlannedCapacity {
  readonly name: string;
  readonly storageClass: string;
  readonly nodeTopology: LabelSelector;
  readonly largest: Bytes;
  readonly available: Bytes;
}

export interface CapacityFacts {
  /** The classes of our drivers; one whose parameters are wrong has no policy. */
  readonly classes: Iterable<{ readonly name: string; readonly policy?: VolumePolicy }>;
  /** The nodes that turned such volumes away lately. */
  readonly tight: (policy: VolumePolicy) => readonly string[];
  readonly capacity: (policy: VolumePolicy, node: string) => Pick<Capacity, 'largest' | 'available'>;
  /** The largest volume that would fit somewhere if there were no other. */
  readonly whole: (policy: VolumePolicy) => Bytes;
  /** The largest volume that the object of this name promises now, if there is one. */
  readonly promised: (name: string) => Bytes | undefined;
  readonly hostnameOf: (node: string) => string;
}

/**
 * One object of each class for every node: its maximumVolumeSize is the largest group in the cluster, so the scheduler
 * never rejects a pod on a stale number; the extender says which node has room. A node that turned a volume away lately
 * is left out of it and gets an object of its own, with its free room to the byte: a scheduler that does not ask the
 * extender would choose the node again. Where no node has such storage the object keeps what it promised, or sets no
 * limit: a cluster-autoscaler that could add the first node reads it. docs/decisions/0009-capacity-objects.md has the
 * figures.
 */
export function planCapacity(facts: CapacityFacts): PlannedCapacity[] {
  const { classes, tight, capacity, whole, promised, hostnameOf } = facts;
  const planned: PlannedCapacity[] = [];
  for (const { name: storageClass, policy } of classes) {
    if (!policy) continue;
    const hostnames = new Map(tight(policy).map((node) => [hostnameOf(node), node]));
    const add = (
      nodeTopology: LabelSelector,
      { largest, available }: Pick<Capacity, 'largest' | 'available'>,
    ): void => {
      planned.push({ name: nameOf(storageClass, nodeTopology), storageClass, nodeTopology, largest, available });
    };
    for (const [hostname, node] of hostnames)
      add({ matchLabels: { [TOPOLOGY_KEY]: hostname } }, capacity(policy, node));
    const others = allBut([...hostnames.keys()]);
    const most = whole(policy) || promised(nameOf(storageClass, others)) || BEYOND_ANY_NODE;
    add(others, { largest: most, available: most });
  }
  return planned;
}

const allBut = (hostnames: readonly string[]): LabelSelector =>
  hostnames.length === 0
    ? {}
    : { matchExpressions: [{ key: TOPOLOGY_KEY, operator: 'NotIn', values: hostnames.toSorted() }] };

/** A hash of what cannot change in an object: the names of classes and nodes may be too long for a name. */
const nameOf = (storageClass: string, nodeTopology: LabelSelector): string =>
  `open-local-${createHash('sha256')
    .update(JSON.stringify([storageClass, nodeTopology]))
    .digest('hex')
    .slice(0, 16)}`;
