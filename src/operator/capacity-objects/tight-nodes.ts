import type { VolumePolicy } from '../../model/storage-class.ts';

/** Each name in an object costs kube-scheduler 0.4 µs for each node it looks at, for every claim. */
const MAX_NODES = 50;
/**
 * A list that no refusal has renewed for this time is forgotten, and the extender alone says where there is room.
 * Without an extender, waiting pods cost one refused volume in each such time. Ms.
 */
const TTL_MS = 2 * 60_000;

/** Nodes that turned volumes away lately, by what such volumes need; bounded in number and time. */
export interface TightNodes {
  /** Notes a node that had no room, and as many of `others` without room as the list has places for. */
  note(policy: VolumePolicy, node: string, others: Iterable<string>, nowMs: number): void;
  of(policy: VolumePolicy): readonly string[];
  /** Forgets lists whose time is over. Returns the ms until the next one's is; undefined when none is left. */
  expire(nowMs: number): number | undefined;
}

export function createTightNodes(): TightNodes {
  const lists = new Map<string, { readonly names: Set<string>; expiresAt: number }>();
  return {
    note: (policy, node, others, nowMs) => {
      const key = placeKey(policy);
      const list = lists.get(key) ?? { names: new Set<string>(), expiresAt: 0 };
      lists.set(key, list);
      list.expiresAt = nowMs + TTL_MS;
      list.names.delete(node);
      for (const other of others) {
        if (list.names.size >= MAX_NODES) break;
        if (other !== node) list.names.add(other);
      }
      // The oldest go, so that the newest has a place.
      for (const oldest of list.names) {
        if (list.names.size < MAX_NODES) break;
        list.names.delete(oldest);
      }
      list.names.add(node);
    },
    of: (policy) => [...(lists.get(placeKey(policy))?.names ?? [])],
    expire: (nowMs) => {
      for (const [key, { expiresAt }] of lists) if (expiresAt <= nowMs) lists.delete(key);
      const next = Math.min(...[...lists.values()].map(({ expiresAt }) => expiresAt));
      return Number.isFinite(next) ? next - nowMs : undefined;
    },
  };
}

/** A key that is equal for classes whose volumes may be in the same groups or units. */
export const placeKey = ({ kind, vgName, mediaType }: VolumePolicy): string =>
  `${kind} ${mediaType ?? ''} ${vgName ?? ''}`;
