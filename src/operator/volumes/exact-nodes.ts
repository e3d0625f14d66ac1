import type { Topology } from '../../csi/ports.ts';
import type { NodeTraits } from '../../model/node-choice.ts';

/**
 * The nodes without those that have the hostname label of the one that the scheduler chose for the claim and are not
 * it. CSI names nodes by that label, so a volume on another node of that label would look right to the scheduler, and
 * the pod would wait for it for ever on the node that was chosen.
 */
export function exactNodes(
  nodes: readonly string[],
  chosen: string | undefined,
  { hostnameOf }: Pick<Topology, 'hostnameOf'>,
): readonly string[] {
  if (chosen === undefined || !nodes.includes(chosen)) return nodes;
  const hostname = hostnameOf(chosen);
  return nodes.filter((node) => node === chosen || hostnameOf(node) !== hostname);
}

/**
 * Names of the nodes that an administrator cordoned: a volume that may be anywhere waits there for its pods until that
 * is over.
 */
export const cordonedNodes = (nodes: Iterable<Pick<NodeTraits, 'name' | 'cordoned'>>): ReadonlySet<string> =>
  new Set([...nodes].flatMap(({ name, cordoned }) => (cordoned ? [name] : [])));
