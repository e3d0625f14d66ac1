import type { Node, PersistentVolume } from '../../src/model/objects.ts';

type Terms = NonNullable<
  NonNullable<NonNullable<PersistentVolume['spec']>['nodeAffinity']>['required']
>['nodeSelectorTerms'];
type Requirement = NonNullable<Terms[number]['matchExpressions']>[number];

/**
 * Tells whether the volume can be reached from the node. A volume without node affinity can be reached from everywhere.
 */
export function reaches(volume: PersistentVolume, node: Node): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  const labels = node.metadata.labels ?? {};
  return (
    terms === undefined ||
    terms.some(({ matchExpressions = [] }) => matchExpressions.every((one) => holds(one, labels)))
  );
}

function holds({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
