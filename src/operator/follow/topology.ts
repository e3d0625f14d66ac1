import type { Topology } from '../../csi/ports.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import type { NodeView } from './views.ts';

/** Names of nodes as CSI and Kubernetes' volumes know them; on most clusters they are the same. */
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
