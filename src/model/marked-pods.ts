import type { KubeObject, Pod } from './objects.ts';
import { MARK } from './well-known.ts';

/** A MutatingAdmissionPolicy, as far as it tells whose pods it marks. */
export interface MutatingPolicy extends KubeObject {
  readonly spec?: {
    readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
    readonly mutations?: readonly { readonly applyConfiguration?: { readonly expression?: string } }[];
  };
}

export interface MutatingBinding extends KubeObject {
  readonly spec?: { readonly policyName?: string };
}

/** The condition of the chart's policy by which it leaves out pods of other schedulers. */
const OF_SCHEDULERS = 'of-these-schedulers';

/** Whether new pods with this schedulerName are marked, by a policy that has a binding. */
export function marksPodsOf(
  scheduler: string,
  policies: readonly MutatingPolicy[],
  bindings: readonly MutatingBinding[],
): boolean {
  const bound = new Set(bindings.map(({ spec }) => spec?.policyName));
  return policies
    .filter((policy) => bound.has(policy.metadata.name) && isMarking(policy))
    .some(({ spec }) => {
      const limit = spec?.matchConditions?.find(({ name }) => name === OF_SCHEDULERS);
      return limit === undefined || limit.expression.includes(`'${scheduler}'`);
    });
}

const isMarking = ({ spec }: MutatingPolicy): boolean =>
  (spec?.mutations ?? []).some(({ applyConfiguration }) => applyConfiguration?.expression?.includes(`'${MARK}'`));

/** Whether kube-scheduler with `managedResources` asks the extender about this pod. */
export const isMarked = ({ spec }: Pod): boolean =>
  (spec?.containers ?? []).some(
    ({ resources = {} }) => MARK in (resources.requests ?? {}) || MARK in (resources.limits ?? {}),
  );
