import { Fault } from './fault.ts';
import type { StorageClass } from './objects.ts';
import { TOPOLOGY_KEY } from './well-known.ts';

type Terms = NonNullable<StorageClass['allowedTopologies']>;

/** The keys of labels by which each term chooses nodes: all that decides whether csi-provisioner can read it. */
export const topologyKeys = (terms: Terms): string[][] =>
  terms.map(({ matchLabelExpressions = [] }) => matchLabelExpressions.map(({ key }) => key));

/**
 * Throws Fault `invalid` for `allowedTopologies` of a class that choose nodes for which no volume is made.
 * kube-scheduler compares them with all labels of a node. csi-provisioner compares them, once the node is chosen, with
 * what the driver says of it, which is one key: a term with any other key it refuses each time, before CreateVolume
 * (GenerateAccessibilityRequirements in pkg/controller/topology.go of external-provisioner).
 */
export function checkTopologies(keysOfTerms: readonly (readonly string[])[] = []): void {
  const strange = keysOfTerms.flat().find((key) => key !== TOPOLOGY_KEY);
  if (strange === undefined) return;
  throw new Fault(
    'invalid',
    `allowedTopologies has the key ${strange}, and csi-provisioner knows nodes by ${TOPOLOGY_KEY} alone: ` +
      'use that key in the class, or a nodeSelector in the pods',
  );
}
