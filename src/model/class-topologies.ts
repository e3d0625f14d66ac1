import { Fault } from './fault.ts';
import type { StorageClass } from './objects.ts';
import { valueOf } from './value-of.ts';
import { TOPOLOGY_KEY } from './well-known.ts';

/** One of the `allowedTopologies` of a class: a node must have one of the values for each key. */
export type TopologyTerm = readonly { readonly key: string; readonly values: readonly string[] }[];

/** A class that has volumes made on some nodes only. */
export interface ClassTopologies {
  readonly storageClass: string;
  readonly terms: readonly TopologyTerm[];
}

export const topologyTerms = (terms: NonNullable<StorageClass['allowedTopologies']>): TopologyTerm[] =>
  terms.map(({ matchLabelExpressions = [] }) => matchLabelExpressions.map(({ key, values = [] }) => ({ key, values })));

/**
 * Throws Fault `invalid` for `allowedTopologies` of a class that choose nodes for which no volume is made.
 * kube-scheduler compares them with all labels of a node. csi-provisioner compares them, once the node is chosen, with
 * what the driver says of it, which is one key: a term with any other key it refuses each time, before CreateVolume
 * (GenerateAccessibilityRequirements in pkg/controller/topology.go of external-provisioner).
 */
export function checkTopologies(terms: readonly TopologyTerm[] = []): void {
  const strange = terms.flat().find(({ key }) => key !== TOPOLOGY_KEY)?.key;
  if (strange === undefined) return;
  throw new Fault(
    'invalid',
    `allowedTopologies has the key ${strange}, and csi-provisioner knows nodes by ${TOPOLOGY_KEY} alone: ` +
      'use that key in the class, or a nodeSelector in the pods',
  );
}

/**
 * Whether kube-scheduler has a volume of the class made on a node with these labels. A term that asks for nothing
 * allows no node (MatchTopologySelectorTerms in k8s.io/component-helpers, scheduling/corev1).
 */
export const allowsNode = ({ terms }: ClassTopologies, labels: Readonly<Record<string, string>>): boolean =>
  terms.some((term) => term.length > 0 && term.every(({ key, values }) => values.includes(valueOf(labels, key) ?? '')));
