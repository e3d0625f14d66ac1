import { badRequest, type Cause, invalid, wrong } from './failure.ts';
import { isObject, type JsonObject } from './json.ts';
import { isTrue } from './route.ts';

/**
 * What a request asks for beside its object, checked as a real server checks it: an option that is not understood is
 * refused, since the write that it was to keep back would be done (k8s.io/apimachinery, pkg/apis/meta/v1/validation and
 * pkg/apis/meta/internalversion/validation).
 */

type Options = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions' | 'ListOptions';

function refuse(options: Options, causes: readonly Cause[]): void {
  if (causes.length === 0) return;
  throw invalid({ group: 'meta.k8s.io', plural: options.toLowerCase(), kind: options }, '', causes);
}

/** All that matters of the options of a create, an update or a patch. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
}

const VALIDATIONS = ['Ignore', 'Warn', 'Strict'] as const;
const APPLY = 'application/apply-patch+yaml';

/** Throws 422. `type` is that of a patch's body. */
export function writeOptions(method: 'create' | 'update' | 'patch', query: URLSearchParams, type = ''): WriteOptions {
  const asked = query.get('fieldValidation') || 'Warn';
  const fieldValidation = VALIDATIONS.find((each) => each === asked);
  const forced = method === 'patch' && type !== APPLY && query.has('force');
  refuse(method === 'create' ? 'CreateOptions' : method === 'update' ? 'UpdateOptions' : 'PatchOptions', [
    ...dryRunCauses(query.getAll('dryRun')),
    ...(fieldValidation ? [] : [wrong.unsupported('fieldValidation', asked, ['', ...VALIDATIONS])]),
    ...(forced ? [wrong.forbidden('force', 'may not be specified for non-apply patch')] : []),
    ...(type === APPLY && !query.get('fieldManager')
      ? [wrong.required('fieldManager', 'is required for apply patch')]
      : []),
  ]);
  return { dryRun: query.has('dryRun'), fieldValidation: fieldValidation ?? 'Warn' };
}

const dryRunCauses = (values: readonly unknown[]): Cause[] =>
  values.every((value) => value === 'All') ? [] : [wrong.unsupported('dryRun', values, ['All'])];

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const;

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** What becomes of the objects that name it as their owner; absent: they go after it. */
  readonly propagation?: (typeof POLICIES)[number];
  readonly dryRun: boolean;
}

/** Of a body, or where it is empty of the query. Throws 400 and 422. */
export function deleteOptions(body: JsonObject | undefined, query: URLSearchParams): DeleteOptions {
  const sent = body ?? inQuery(query);
  const { gracePeriodSeconds: seconds, preconditions, propagationPolicy, orphanDependents } = sent;
  if (seconds !== undefined && seconds !== null && !(Number(seconds) >= 0))
    throw badRequest('gracePeriodSeconds must not be negative');
  const values = Array.isArray(sent['dryRun']) ? sent['dryRun'] : [];
  refuse('DeleteOptions', [...policyCauses(sent), ...dryRunCauses(values)]);
  const propagation = orphanDependents === true ? 'Orphan' : POLICIES.find((each) => each === propagationPolicy);
  return {
    ...(typeof seconds === 'number' && { gracePeriodSeconds: seconds }),
    ...(isObject(preconditions) && { preconditions }),
    ...(propagation && { propagation }),
    dryRun: values.length > 0,
  };
}

function policyCauses({ propagationPolicy: policy, orphanDependents }: JsonObject): Cause[] {
  if (typeof policy !== 'string') return [];
  const field = 'propagationPolicy';
  const both = wrong.value(field, policy, 'orphanDependents and deletionPropagation cannot be both set');
  const isKnown = POLICIES.some((each) => each === policy);
  return [
    ...(typeof orphanDependents === 'boolean' ? [both] : []),
    ...(isKnown ? [] : [wrong.unsupported(field, policy, [...POLICIES, 'nil'])]),
  ];
}

function inQuery(query: URLSearchParams): JsonObject {
  const [seconds, policy, orphans] = ['gracePeriodSeconds', 'propagationPolicy', 'orphanDependents'].map((name) =>
    query.get(name),
  );
  return {
    ...(seconds && { gracePeriodSeconds: Number(seconds) }),
    ...(policy && { propagationPolicy: policy }),
    ...(orphans && { orphanDependents: isTrue(orphans) }),
    dryRun: query.getAll('dryRun'),
  };
}

const MATCHES = ['Exact', 'NotOlderThan'];

/** Throws 422 for options of a list that contradict each other. */
export function checkListOptions(query: URLSearchParams): void {
  const [match, version] = [query.get('resourceVersionMatch') ?? '', query.get('resourceVersion') ?? ''];
  const field = 'resourceVersionMatch';
  const ofMatch =
    match === ''
      ? []
      : [
          ...(version ? [] : [wrong.forbidden(field, `${field} is forbidden unless resourceVersion is provided`)]),
          ...continueCauses(query),
          ...(MATCHES.includes(match) ? [] : [wrong.unsupported(field, match, [...MATCHES, ''])]),
          ...(match === 'Exact' && version === '0'
            ? [wrong.forbidden(field, `${field} "exact" is forbidden for resourceVersion "0"`)]
            : []),
        ];
  const initial = query.has('sendInitialEvents');
  refuse('ListOptions', [
    ...ofMatch,
    ...(initial ? [wrong.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list')] : []),
  ]);
}

const continueCauses = (query: URLSearchParams): Cause[] =>
  query.get('continue')
    ? [wrong.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided')]
    : [];

/**
 * Whether a watch begins with what is there now, whose end a bookmark marks, asked for or not; else with what comes
 * after its version. Throws 422 for options that contradict each other.
 */
export function beginsWithAll(query: URLSearchParams): boolean {
  refuse('ListOptions', watchCauses(query));
  if (query.has('sendInitialEvents')) return isTrue(query.get('sendInitialEvents'));
  return ['', '0'].includes(query.get('resourceVersion') ?? '');
}

function watchCauses(query: URLSearchParams): Cause[] {
  const [field, fresh] = ['resourceVersionMatch', 'NotOlderThan'];
  const match = query.get(field) ?? '';
  const asks = query.has('sendInitialEvents');
  const ofAsking =
    asks && match !== fresh ? [wrong.forbidden(field, `sendInitialEvents requires setting ${field} to ${fresh}`)] : [];
  if (match === '') return ofAsking;
  return [
    ...ofAsking,
    ...(asks ? [] : [wrong.forbidden(field, `${field} is forbidden for watch unless sendInitialEvents is provided`)]),
    ...(match === fresh ? [] : [wrong.unsupported(field, match, [fresh])]),
    ...continueCauses(query),
  ];
}
