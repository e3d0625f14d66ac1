import type { InitConfig, NodeConfig, NodeLocalStorage } from '../../model/objects.ts';
import { matches } from '../../model/label-selector.ts';

export type NodeStorageSpec = NonNullable<NodeLocalStorage['spec']>;

/**
 * The spec of a node's NodeLocalStorage: the last entry of nodesConfig whose selector matches the node's labels, else
 * globalConfig. An entry replaces globalConfig as a whole; what it leaves out is empty (open-local's rule). The config
 * must have no problems.
 */
export function planNodeStorage(
  node: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
  { globalConfig = {}, nodesConfig = [] }: NonNullable<InitConfig['spec']>,
): NodeStorageSpec {
  const own = nodesConfig.findLast(({ selector }) => selector !== undefined && matches(selector, node.labels));
  const { listConfig, resourceToBeInited, spdkConfig }: NodeConfig = own ?? globalConfig;
  return {
    nodeName: node.name,
    ...(listConfig ? { listConfig } : {}),
    ...(resourceToBeInited ? { resourceToBeInited } : {}),
    ...(spdkConfig ? { spdkConfig } : {}),
  };
}
