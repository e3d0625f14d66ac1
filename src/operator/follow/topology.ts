import type { Topology } from '../../csi/ports.ts';
import type { Informer } from '../../kube/follow/informer.ts';
import type { Node } from '../../model/objects.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import type { NodeView } from './views.ts';

/** The value of the node's hostname label; a node without one goes by its name. */
export const hostnameIn = ({ name, labels }: NodeView): string => labels[TOPOLOGY_KEY] ?? name;

/**
 * Translates between a Node's name and its hostname label, which CSI topology and PersistentVolumes use; on most
 * clusters the two are equal.
 */
export function createTopology(nodes: Pick<Informer<Node, NodeView>, 'values' | 'subscribe'>): Topology {
  /** Names by hostname, of the nodes whose hostname is another word. */
  const renamed = new Map<string, Set<string>>();
  const forget = (node: NodeView): void => {
    const names = renamed.get(hostnameIn(node));
    names?.delete(node.name);
    if (names?.size === 0) renamed.delete(hostnameIn(node));
  };
  nodes.subscribe({
    changed: (now, before) => {
      if (before) forget(before);
      const hostname = hostnameIn(now);
      if (hostname !== now.name) renamed.set(hostname, (renamed.get(hostname) ?? new Set()).add(now.name));
    },
    deleted: forget,
  });
  const hostnameOf = (name: string): string => {
    const node = nodes.values.get(name);
    return node ? hostnameIn(node) : name;
  };
  return {
    hostnameOf,
    nodesAt: (hostname) => {
      const others = renamed.get(hostname);
      // Nearly always: the node's name is its hostname, and no other has it.
      if (!others) return [hostname];
      return nodes.values.has(hostname) && hostnameOf(hostname) === hostname ? [hostname, ...others] : [...others];
    },
  };
}
