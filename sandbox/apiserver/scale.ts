import type { LabelSelector } from '../../src/model/objects.ts';
import { present } from '../../src/model/present.ts';
import type { Api } from './api.ts';
import { badRequest, invalid, type Cause, wrong } from './failure.ts';
import { jsonPatch } from './json-patch.ts';
import { at, clone, isObject, type Json, type JsonObject, type Stored } from './json.ts';
import type { Kind, ScalePaths } from './kind.ts';
import { mergePatch } from './merge-patch.ts';
import type { PatchBody, Target, Written } from './target.ts';
import { bodyObject } from './write-checks.ts';

const API_VERSION = 'autoscaling/v1';
const SCALE = { group: 'autoscaling', plural: 'scales', kind: 'Scale' };

/** The fields that hold the scale of Kubernetes' own workloads. */
export const WORKLOAD_SCALE: ScalePaths = {
  spec: ['spec', 'replicas'],
  status: ['status', 'replicas'],
  selector: ['spec', 'selector'],
};

/** An object as its `scale` subresource shows it. */
export function scaleOf({ scale }: Kind, { metadata, ...rest }: Stored): JsonObject {
  const { name = '', namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const selector = scale?.selector && at(rest, scale.selector);
  return {
    kind: SCALE.kind,
    apiVersion: API_VERSION,
    metadata: { name, ...present({ namespace, uid, resourceVersion, creationTimestamp }) },
    spec: { replicas: countAt(rest, scale?.spec) },
    status: {
      replicas: countAt(rest, scale?.status),
      ...present({ selector: isObject(selector) ? selectorText(selector) : (selector as string | undefined) }),
    },
  };
}

const countAt = (object: object, path: readonly string[] = []): number => Number(at(object, path) ?? 0);

/** As `kubectl get --selector` takes it. */
function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.toSorted().join(',')})`;
  });
  return [...labels.toSorted(), ...expressions].join(',');
}

/** Writes the number of replicas that a Scale asks for. Throws 400, 404, 409 and 422. */
export function putScale(api: Api, target: Target, sent: Json): Written {
  const { kind: of, apiVersion, metadata, spec } = bodyObject(sent) as Stored & { spec?: unknown };
  if ((of ?? SCALE.kind) !== SCALE.kind || (apiVersion ?? API_VERSION) !== API_VERSION)
    throw badRequest(`the object provided is not a ${SCALE.kind} of ${API_VERSION}`);
  if ((metadata.name ?? target.name) !== target.name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`);
  const replicas = at({ spec }, ['spec', 'replicas']) ?? 0;
  const causes = replicaCauses(replicas);
  if (causes.length > 0) throw invalid(SCALE, target.name, causes);
  const { uid, resourceVersion } = metadata;
  const body = { metadata: { ...present({ uid, resourceVersion }) }, ...nested(target.kind.scale?.spec, replicas) };
  return api.patch(target, { type: 'merge', body: body as JsonObject });
}

/** Patches the Scale of an object. Throws as putScale does. */
export function patchScale(api: Api, target: Target, { type, body }: PatchBody): Written {
  const before = scaleOf(target.kind, api.get(target).object);
  return putScale(api, target, type === 'json' ? jsonPatch(before, body) : mergePatch(before, clone(body)));
}

function replicaCauses(replicas: unknown): Cause[] {
  if (!Number.isInteger(replicas)) return [wrong.type('spec.replicas', replicas, 'must be an integer')];
  if (Number(replicas) >= 0) return [];
  return [wrong.value('spec.replicas', replicas, 'must be greater than or equal to 0')];
}

const nested = (path: readonly string[] = [], value: unknown): object =>
  path.toReversed().reduce((inner: unknown, field) => ({ [field]: inner }), value) as object;
