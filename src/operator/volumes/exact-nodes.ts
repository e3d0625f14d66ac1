import type { Topology } from '../../csi/ports.ts';

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
