import { badRequest, conflict, forbidden, invalid, notFound, STALE, wrong } from './failure.ts';
import { isObject, type Json, type Stored } from './json.ts';
import { apiVersionOf, idOf, type Kind } from './kind.ts';
import { checkMetaTypes } from './meta.ts';
import type { Store } from './store.ts';
import { keyOf, type Version } from './version.ts';
import type { Target } from './target.ts';

/** An object as it was sent, with metadata even when there was none. Throws 400 when it is none. */
export function bodyObject(body: Json): Stored {
  if (!isObject(body)) throw badRequest('the object provided is unrecognized: it must be a JSON object');
  if (body['metadata'] !== undefined && !isObject(body['metadata'])) throw badRequest('metadata must be an object');
  const object = { ...body, metadata: { ...body['metadata'] } } as unknown as Stored;
  checkMetaTypes(object.metadata);
  return object;
}

/** Throws when what was sent is not what the URL says. Of a built-in kind the URL says what a body is that does not. */
export function checkBody(target: Target, sent: Stored): void {
  const { kind, namespace, name } = target;
  if (!kind.custom) {
    sent.kind ||= kind.kind;
    sent.apiVersion ||= apiVersionOf(kind);
  }
  checkType(kind, sent);
  if (name !== '' && sent.metadata.name && sent.metadata.name !== name) {
    throw badRequest(`the name of the object (${sent.metadata.name}) does not match the name on the URL (${name})`);
  }
  if (sent.metadata.namespace && sent.metadata.namespace !== (namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function checkType(kind: Kind, sent: Stored): void {
  const version = apiVersionOf(kind);
  if (!sent.kind) {
    throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): Object 'Kind' is missing`);
  }
  if (sent.apiVersion !== version) {
    throw badRequest(
      `the API version in the data (${sent.apiVersion ?? ''}) does not match the expected API version (${version})`,
    );
  }
  if (sent.kind !== kind.kind) {
    throw invalid(kind, sent.metadata.name ?? '', [wrong.value('kind', sent.kind, `must be ${kind.kind}`)]);
  }
}

/** Throws 400 when what was sent has no name. */
export function checkNamed({ name }: Target, sent: Stored): void {
  if (sent.metadata.name) return;
  throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
}

/** Throws 409 when what was sent is of another version than the one that is there. */
export function checkRevision(target: Target, old: Version, sent: Stored): void {
  const { resourceVersion } = sent.metadata;
  if (resourceVersion && resourceVersion !== old.object.metadata.resourceVersion)
    throw conflict(target.kind, target.name, STALE);
}

const NAMESPACES = { group: '', plural: 'namespaces', kind: 'Namespace' };

/** Throws 404 when the namespace is missing, 403 when it is being deleted. */
export function checkNamespace(
  store: Store,
  target: { kind: Kind; namespace: string | undefined },
  name: string,
): void {
  if (!target.kind.namespaced) return;
  const found = store.collection(idOf(NAMESPACES)).get(keyOf(undefined, target.namespace ?? ''));
  if (found === undefined) throw notFound(NAMESPACES, target.namespace ?? '');
  if (found.object.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${target.namespace} because it is being terminated`;
  const message = `namespace ${target.namespace} is being terminated`;
  throw forbidden(target.kind, name, why, [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }]);
}
