import { valueOf } from './value-of.ts';

/** Kubernetes objects' words for which nodes are meant, and which are not. */

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

export interface NodeSelectorTerm {
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
  matchFields?: { key: string; operator: string; values?: string[] }[];
}

type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

/** As in a pod's node affinity and a PersistentVolume's (core/v1 NodeSelectorOperator). */
const OPERATORS: Readonly<Record<string, (value: string | undefined, values: readonly string[]) => boolean>> = {
  In: (value, values) => value !== undefined && values.includes(value),
  NotIn: (value, values) => value === undefined || !values.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
  Gt: (value, [bound]) => isWhole(value) && isWhole(bound) && Number(value) > Number(bound),
  Lt: (value, [bound]) => isWhole(value) && isWhole(bound) && Number(value) < Number(bound),
};

const isWhole = (text: string | undefined): boolean => text !== undefined && /^-?\d+$/.test(text);

const holds = ({ operator, values = [] }: Requirement, value: string | undefined): boolean =>
  valueOf(OPERATORS, operator)?.(value, values) ?? false;

/** Whether one of the terms matches; a term that asks for nothing matches no node. */
export function matchesTerms(
  terms: readonly NodeSelectorTerm[],
  { name, labels }: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    return (
      matchExpressions.every((one) => holds(one, valueOf(labels, one.key))) &&
      // The only field there is.
      matchFields.every((one) => holds(one, one.key === 'metadata.name' ? name : undefined))
    );
  });
}
