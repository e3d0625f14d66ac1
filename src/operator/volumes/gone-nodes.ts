import type { Informers } from '../follow/informers.ts';

/** Since when nodes have been without a Node object. */
export interface GoneNodes {
  /** Ms since the Node object was deleted, or since this began to look; undefined while it exists. */
  readonly goneForMs: (node: string) => number | undefined;
  /** The disks of a group of that node, as it last reported them; empty when that is not known. */
  readonly disksOf: (node: string, group: string) => readonly string[];
}

interface GoneNodesDeps {
  /** All must have listed what exists: before that a node that is not listed yet looks like one that is gone. */
  readonly informers: Pick<Informers, 'nodes' | 'storages'>;
  /** How long a deletion is remembered: one that is older counts like one before this began to look. Ms. */
  readonly memoryMs: number;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

/** More reports of gone nodes than anybody deletes volumes on at one time. */
const MAX_REPORTS = 1000;

/**
 * Returns also how to stop. What happened while no replica led is not known, so such nodes are gone since the start.
 */
export function createGoneNodes({
  informers,
  memoryMs,
  now,
}: GoneNodesDeps): GoneNodes & { readonly stop: () => void } {
  const { nodes, storages } = informers;
  const startedAt = now();
  const deletedAt = new Map<string, number>();
  const reports = new Map<string, Readonly<Record<string, readonly string[]>>>();
  const leave = [
    nodes.subscribe({
      changed: ({ name }) => void deletedAt.delete(name),
      deleted: ({ name }) => {
        for (const [known, at] of deletedAt) if (now() - at > memoryMs) deletedAt.delete(known);
        deletedAt.set(name, now());
      },
    }),
    storages.subscribe({
      changed: ({ name }) => void reports.delete(name),
      deleted: ({ name, disks }) => {
        for (const oldest of reports.keys()) if (reports.size >= MAX_REPORTS) reports.delete(oldest);
        reports.set(name, disks);
      },
    }),
  ];
  return {
    goneForMs: (node) => (nodes.get(node) ? undefined : now() - (deletedAt.get(node) ?? startedAt)),
    disksOf: (node, group) => (storages.get(node)?.disks ?? reports.get(node))?.[group] ?? [],
    stop: () => {
      for (const stop of leave) stop();
    },
  };
}
