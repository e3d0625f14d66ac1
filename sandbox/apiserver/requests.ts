import type { IncomingMessage } from 'node:http';
import type { Api } from './api.ts';
import { mediaType, parseBody, unsupported } from './body.ts';
import { badRequest, invalid, wrong } from './failure.ts';
import { isObject, type Json, type JsonObject, type Stored } from './json.ts';
import type { Kind } from './kind.ts';
import type { ListQuery } from './lists.ts';
import type { DeleteRequest } from './removal.ts';
import { isTrue, type Route } from './route.ts';
import { type Selection, selectionOf } from './selection.ts';
import type { PatchBody, Target } from './target.ts';

/** A request on objects with its body read but not yet understood. */
export interface ApiRequest {
  readonly route: Route;
  readonly query: URLSearchParams;
  readonly type: string;
  readonly manager: string;
  readonly bytes: Buffer;
}

export const apiRequest = (
  request: IncomingMessage,
  route: Route,
  query: URLSearchParams,
  bytes: Buffer,
): ApiRequest => ({
  route,
  query,
  type: mediaType(request),
  manager: query.get('fieldManager') || (request.headers['user-agent'] ?? 'unknown').split('/')[0] || 'unknown',
  bytes,
});

/** The kind under which the objects of `kind` are stored. */
export const storedKind = (api: Api, kind: Kind): Kind => (kind.faceOf && api.registry.byId(kind.faceOf.id)) ?? kind;

export function targetOf(api: Api, { route, query, manager }: ApiRequest): Target {
  return {
    kind: storedKind(api, route.kind),
    namespace: route.namespace,
    name: route.name,
    subresource: route.subresource === 'status' ? 'status' : '',
    manager,
    dryRun: query.get('dryRun') === 'All',
    fieldValidation: fieldValidationOf(query),
  };
}

function fieldValidationOf(query: URLSearchParams): Target['fieldValidation'] {
  const asked = query.get('fieldValidation');
  return asked === 'Strict' || asked === 'Ignore' ? asked : 'Warn';
}

const OBJECT_TYPES = ['application/json', 'application/yaml'];

/** The object in the body, as it is stored. Throws 400 and 415. */
export function sentObject({ route, type, bytes }: ApiRequest): Json {
  if (type !== '' && !OBJECT_TYPES.includes(type)) throw unsupported(OBJECT_TYPES);
  return stored(route.kind, parseBody(bytes, type));
}

function stored(kind: Kind, body: Json): Json {
  if (kind.faceOf === undefined || !isObject(body)) return body;
  return kind.faceOf.toStored(body as unknown as Stored) as unknown as JsonObject;
}

const STRATEGIC = 'application/strategic-merge-patch+json';
const PATCHES: Readonly<Record<string, PatchBody['type']>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/apply-patch+yaml': 'apply',
  [STRATEGIC]: 'strategic',
};

const PATCH_OPTIONS = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };

/** The patch in the body. Throws 400 and 415; of custom kinds nobody knows how their lists merge strategically. */
export function sentPatch({ route, query, type, bytes }: ApiRequest): PatchBody {
  const kind = PATCHES[type];
  const known = Object.keys(PATCHES).filter((one) => one !== STRATEGIC || !route.kind.custom);
  if (kind === undefined || !known.includes(type)) throw unsupported(known);
  const body = stored(route.kind, parseBody(bytes, type));
  if (kind !== 'apply') return { type: kind, body };
  if (!query.get('fieldManager'))
    throw invalid(PATCH_OPTIONS, '', [wrong.required('fieldManager', 'is required for apply patch')]);
  return { type: kind, body, force: isTrue(query.get('force')) };
}

/** What a delete asks for, in its body or its query. Throws 400. */
export function deleteRequest({ query, type, bytes }: ApiRequest): DeleteRequest {
  const body = bytes.length === 0 ? {} : parseBody(bytes, type);
  if (!isObject(body)) throw badRequest('DeleteOptions must be an object');
  const seconds =
    body['gracePeriodSeconds'] ??
    (query.has('gracePeriodSeconds') ? Number(query.get('gracePeriodSeconds')) : undefined);
  if (seconds !== undefined && seconds !== null && !(Number(seconds) >= 0))
    throw badRequest('gracePeriodSeconds must not be negative');
  return {
    ...(typeof seconds === 'number' ? { gracePeriodSeconds: seconds } : {}),
    ...(isObject(body['preconditions']) ? { preconditions: body['preconditions'] } : {}),
    dryRun: query.get('dryRun') === 'All' || (Array.isArray(body['dryRun']) && body['dryRun'].includes('All')),
  };
}

/** Which objects the request is about. Throws 400. */
export const selected = (request: ApiRequest): Selection =>
  selectionOf(request.route.kind, {
    namespace: request.route.namespace,
    labels: request.query.get('labelSelector') ?? '',
    fields: request.query.get('fieldSelector') ?? '',
  });

export function listQuery({ query }: ApiRequest): ListQuery {
  const limit = query.get('limit') ?? '0';
  if (!/^\d+$/.test(limit)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`);
  return {
    limit: Number(limit),
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
  };
}
