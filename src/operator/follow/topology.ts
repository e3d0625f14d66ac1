import type { Topology } from '../../csi/ports.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import type { NodeView } from './views.ts';

/**
 * Translates between a Node's name and its hostname label, which CSI topology uses; on most clusters the two are equal.
 */
export function createTopology(nodes: { readonly values: ReadonlyMap<string, NodeView> }): Topology {
  const hostnameOf = (name: string): string => nodes.values.get(name)?.labels[TOPOLOGY_KEY] ?? name;
  return {
    hostnameOf,
    nodesAt: (hostname) => {
      if (nodes.values.has(hostname) && hostnameOf(hostname) === hostname) return [hostname];
      const names = [...nodes.values.keys()].filter((name) => hostnameOf(name) === hostname);
      return names.length > 0 ? names : [hostname];
    },
  };
}
