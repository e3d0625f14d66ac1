import { matches } from '../../src/model/label-selector.ts';
import { ApiFailure, badRequest, notFound } from './failure.ts';
import { deleteOptions } from './options.ts';
import { at, isObject, type Stored } from './json.ts';
import { idOf, type Kind } from './kind.ts';
import { remove, type RemovalDeps } from './removal.ts';
import type { Store } from './store.ts';
import { keyOf } from './version.ts';

const BUDGETS = 'poddisruptionbudgets.policy';
/** A pod that does no work yet, or no more, is evicted without asking. */
const UNASKED = new Set<unknown>(['Pending', 'Succeeded', 'Failed']);

/**
 * Deletes a pod as its `eviction` subresource does (k8s.io/kubernetes, pkg/registry/core/pod/storage/eviction.go).
 * Throws 404, and 429 while a
 * PodDisruptionBudget allows no disruption: without a disruption controller it allows none before somebody writes its
 * status.
 */
export function evict(
  deps: RemovalDeps,
  { kind: pods, ...key }: { kind: Kind; namespace: string | undefined; name: string },
  eviction: Stored,
  tries: boolean,
): void {
  if ((eviction.metadata.name ?? key.name) !== key.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const pod = deps.store.collection(idOf(pods)).get(keyOf(key.namespace, key.name))?.object;
  if (pod === undefined) throw notFound(pods, key.name);
  const asked = !UNASKED.has(at(pod, ['status', 'phase'])) && pod.metadata.deletionTimestamp === undefined;
  const [budget] = asked ? budgetsOf(deps.store, pod) : [];
  const options = deleteOptions(
    isObject(eviction['deleteOptions']) ? eviction['deleteOptions'] : {},
    new URLSearchParams(),
  );
  const dryRun = tries || options.dryRun;
  if (budget) takeDisruption(deps.store, budget, dryRun);
  remove(deps, pods, key, { ...options, dryRun });
}

function budgetsOf(store: Store, { metadata }: Stored): Stored[] {
  const budgets = store.collection(BUDGETS).list(`${metadata.namespace ?? ''}/`);
  return budgets
    .map(({ object }) => object)
    .filter((budget) => {
      const selector = at(budget, ['spec', 'selector']);
      return isObject(selector) && matches(selector, metadata.labels ?? {});
    });
}

function takeDisruption(store: Store, budget: Stored, dryRun: boolean): void {
  const { name = '', namespace } = budget.metadata;
  const allowed = Number(at(budget, ['status', 'disruptionsAllowed']) ?? 0);
  if (allowed <= 0) {
    const message = `The disruption budget ${name} does not allow evicting pods currently`;
    throw new ApiFailure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: 'DisruptionBudget', message, field: '' }],
      retryAfterSeconds: 10,
    });
  }
  if (dryRun) return;
  const version = store.collection(BUDGETS).get(keyOf(namespace, name));
  const status = isObject(budget['status']) ? budget['status'] : {};
  const next = { ...budget, metadata: { ...budget.metadata }, status: { ...status, disruptionsAllowed: allowed - 1 } };
  store.put(BUDGETS, keyOf(namespace, name), next, version?.owners ?? []);
}
