import { ApiFailure, badRequest, methodNotAllowed } from './failure.ts';
import { apiVersionOf, type Kind } from './kind.ts';
import type { Registry } from './registry.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A request on objects, as its URL and method say it. */
export interface Route {
  readonly kind: Kind;
  readonly verb: Verb;
  readonly namespace: string | undefined;
  /** Empty for a collection. */
  readonly name: string;
  readonly subresource: string;
}

/** Nothing is served under this path. A real server says so in plain text. */
export class NoSuchPath extends Error {
  override readonly name = 'NoSuchPath';
}

const PATH = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(.+)$/;

/**
 * Reads a path below /api/v1 or /apis/GROUP/VERSION. Throws NoSuchPath, and 404 or 405 where a real server answers so.
 */
export function routeOf(method: string, path: string, query: URLSearchParams, registry: Registry): Route {
  const { group, version, namespace, plural, name, subresource } = piecesOf(path);
  const kind = registry.find(group, version, plural);
  if (kind === undefined) throw unknown(registry, group, version);
  const misplaced = namespace !== undefined && !kind.namespaced;
  if (misplaced || !isSubresource(kind, subresource)) throw unknown(registry, group, version);
  const verb = verbOf(method, { collection: name === '', watch: isTrue(query.get('watch')) });
  const everywhere = verb === 'list' || verb === 'watch';
  if (kind.namespaced && namespace === undefined && !everywhere) throw methodNotAllowed();
  if (!isAllowed(verb, name, subresource)) throw methodNotAllowed();
  return { kind, verb, namespace, name, subresource };
}

interface Pieces {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

function piecesOf(path: string): Pieces {
  const match = PATH.exec(path);
  if (match === null) throw new NoSuchPath();
  const [, core = '', group = '', version = core, rest = ''] = match;
  const { namespace, segments } = inNamespace(rest.split('/').map((segment) => decode(segment)));
  const [plural = '', name = '', subresource = '', ...more] = segments;
  if (plural === '' || more.length > 0) throw new NoSuchPath();
  return { group, version, namespace, plural, name, subresource };
}

/** `namespaces/x/pods` are objects in it; `namespaces/x/status` is the object's own subresource. */
function inNamespace(segments: readonly string[]): Pick<Pieces, 'namespace'> & { segments: readonly string[] } {
  const [first, namespace, second] = segments;
  if (first !== 'namespaces' || second === undefined || second === 'status') return { namespace: undefined, segments };
  return { namespace, segments: segments.slice(2) };
}

export const isTrue = (value: string | null): boolean => value === 'true' || value === '1';

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`malformed URL segment ${JSON.stringify(segment)}`);
  }
}

/** Subresources that something is posted to, by the core kind that has them. */
const ACTIONS: Readonly<Record<string, string>> = { binding: 'pods', eviction: 'pods', token: 'serviceaccounts' };

function isSubresource(kind: Kind, subresource: string): boolean {
  if (subresource === 'status') return kind.status;
  if (subresource === 'scale') return kind.scale !== undefined;
  return subresource === '' || (kind.group === '' && ACTIONS[subresource] === kind.plural);
}

function isAllowed(verb: Verb, name: string, subresource: string): boolean {
  if (Object.hasOwn(ACTIONS, subresource)) return verb === 'create';
  if (subresource === 'status' || subresource === 'scale')
    return verb === 'get' || verb === 'update' || verb === 'patch';
  return verb !== 'create' || name === '';
}

function unknown(registry: Registry, group: string, version: string): Error {
  const served = registry
    .kinds()
    .find((kind) => apiVersionOf(kind) === (group === '' ? version : `${group}/${version}`));
  if (served === undefined || served.custom) return new NoSuchPath();
  return new ApiFailure(404, 'NotFound', 'the server could not find the requested resource', {});
}

function verbOf(method: string, { collection, watch }: { collection: boolean; watch: boolean }): Verb {
  if (method === 'GET') return collection ? (watch ? 'watch' : 'list') : 'get';
  if (method === 'POST') return 'create';
  if (method === 'DELETE') return collection ? 'deletecollection' : 'delete';
  if (collection) throw methodNotAllowed();
  if (method === 'PUT') return 'update';
  if (method === 'PATCH') return 'patch';
  throw methodNotAllowed();
}
