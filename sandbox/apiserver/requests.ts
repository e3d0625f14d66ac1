import type { IncomingMessage } from 'node:http';
import type { Api } from './api.ts';
import { mediaType, parseBody, unsupported } from './body.ts';
import { badRequest } from './failure.ts';
import { isObject, type Json, type JsonObject, type Stored } from './json.ts';
import type { Kind } from './kind.ts';
import type { ListQuery } from './lists.ts';
import { checkListOptions, deleteOptions, type DeleteOptions, writeOptions, type WriteOptions } from './options.ts';
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

/** Throws 422 for options that are not understood. */
export function targetOf(api: Api, request: ApiRequest): Target {
  const { route, manager } = request;
  return {
    kind: storedKind(api, route.kind),
    namespace: route.namespace,
    name: route.name,
    subresource: route.subresource === 'status' ? 'status' : '',
    manager,
    ...optionsOf(request),
  };
}

/** Throws 422 for options that are not understood. */
export function optionsOf({ route, query, type }: ApiRequest): WriteOptions {
  const method = route.verb === 'patch' || route.verb === 'update' ? route.verb : 'create';
  return writeOptions(method, query, method === 'patch' ? type : '');
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

/** The patch in the body. Throws 400 and 415; of custom kinds nobody knows how their lists merge strategically. */
export function sentPatch({ route, query, type, bytes }: ApiRequest): PatchBody {
  const kind = PATCHES[type];
  const known = Object.keys(PATCHES).filter((one) => one !== STRATEGIC || !route.kind.custom);
  if (kind === undefined || !known.includes(type)) throw unsupported(known);
  const body = stored(route.kind, parseBody(bytes, type));
  if (kind !== 'apply') return { type: kind, body };
  return { type: kind, body, force: isTrue(query.get('force')) };
}

/** What a delete asks for, in its body or its query. Throws 400 and 422. */
export function deleteRequest({ query, type, bytes }: ApiRequest): DeleteOptions {
  const body = bytes.length === 0 ? undefined : parseBody(bytes, type);
  if (body !== undefined && !isObject(body)) throw badRequest('DeleteOptions must be an object');
  return deleteOptions(body, query);
}

/** Which objects the request is about. Throws 400. */
export const selected = (request: ApiRequest): Selection =>
  selectionOf(request.route.kind, {
    namespace: request.route.namespace,
    labels: request.query.get('labelSelector') ?? '',
    fields: request.query.get('fieldSelector') ?? '',
  });

/** Throws 400 and 422. */
export function listQuery({ query }: ApiRequest): ListQuery {
  checkListOptions(query);
  const limit = query.get('limit') ?? '0';
  if (!/^\d+$/.test(limit)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`);
  return {
    limit: Number(limit),
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
  };
}
