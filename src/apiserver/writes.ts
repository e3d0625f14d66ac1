import { applyPatch, ownedPart, ownershipSchema } from './apply-patch.ts';
import { conform } from './conform.ts';
import {
  ApiFailure,
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  notFound,
  STALE,
  wrong,
} from './failure.ts';
import { fieldsOf } from './field-paths.ts';
import { clone, isObject, type Json, type JsonObject, same, type Stored } from './json.ts';
import { jsonPatch } from './json-patch.ts';
import { apiVersionOf, idOf, type Kind } from './kind.ts';
import { mergePatch } from './merge-patch.ts';
import { carriedMeta, checkMetaTypes, finalizerCauses, freshMeta, metaCauses } from './meta.ts';
import { generateName } from './names.ts';
import { afterUpdate, type Owners, sameOwners, type Writer } from './owners.ts';
import type { Store } from './store.ts';
import { keyOf, Version } from './version.ts';

/** One object to be written: where it is, and how the request asked for it. */
export interface Target {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: '' | 'status';
  readonly manager: string;
  readonly dryRun: boolean;
  /** Whether unknown fields are an error (fieldValidation=Strict). */
  readonly strict: boolean;
}

export interface Written {
  readonly version: Version;
  readonly created: boolean;
  /** Paths of fields that were dropped because the schema does not know them. */
  readonly unknown: readonly string[];
}

export type PatchBody =
  | { readonly type: 'merge' | 'json'; readonly body: Json }
  | { readonly type: 'apply'; readonly body: Json; readonly force: boolean };

export interface WriteDeps {
  readonly store: Store;
  readonly now: () => number;
}

const NAMESPACES = { group: '', plural: 'namespaces', kind: 'Namespace' };

/** Creates the object that was sent. Throws what a real server answers: 400, 404 for a missing namespace, 409, 422. */
export function create(deps: WriteDeps, target: Omit<Target, 'name' | 'subresource'>, sent: Stored): Written {
  const { kind, namespace } = target;
  const place: Target = { ...target, name: '', subresource: '' };
  checkBody(place, sent);
  if (sent.metadata.resourceVersion)
    throw new ApiFailure(500, '', 'resourceVersion should not be set on objects to be created');
  const object: Stored = { ...sent, metadata: freshMeta(sent.metadata, kind, deps.now()) };
  if (!object.metadata.name && object.metadata.generateName)
    object.metadata.name = generateName(object.metadata.generateName);
  if (kind.namespaced) object.metadata.namespace = namespace ?? '';
  if (kind.custom && kind.status) delete object['status'];
  kind.rules.prepareCreate?.(object);
  const unknown = checked(place, object, undefined);

  const name = object.metadata.name ?? '';
  checkNamespace(deps.store, target, name);
  if (deps.store.collection(idOf(kind)).get(keyOf(namespace, name)) !== undefined) throw alreadyExists(kind, name);
  const schema = ownershipSchema(kind.schema);
  const written = fieldsOf(ownedPart(object as unknown as JsonObject, '', kind.status), schema);
  return {
    version: commit(deps, place, object, afterUpdate([], writerOf(place, 'Update'), new Map(), written)),
    created: true,
    unknown,
  };
}

/** Replaces an object by the one that was sent; creates it where the kind allows that. */
export function update(deps: WriteDeps, target: Target, sent: Stored): Written {
  const { kind, name } = target;
  checkBody(target, sent);
  const old = deps.store.collection(idOf(kind)).get(keyOf(target.namespace, name));
  if (old === undefined) {
    if (kind.createOnUpdate && target.subresource === '') return create(deps, target, sent);
    throw notFound(kind, name);
  }
  const { uid, resourceVersion } = sent.metadata;
  if (uid && uid !== old.object.metadata.uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.object.metadata.uid}`,
    );
  }
  if (!resourceVersion && !kind.unconditionalUpdate) {
    throw invalid(kind, name, [wrong.value('metadata.resourceVersion', 0, 'must be specified for an update')]);
  }
  return replace(deps, target, old, sent);
}

/** Patches an object; an apply patch creates it when it is not there. */
export function patch(deps: WriteDeps, target: Target, { type, body, ...rest }: PatchBody): Written {
  const { kind, name, namespace } = target;
  const old = deps.store.collection(idOf(kind)).get(keyOf(namespace, name));
  if (type === 'apply') return apply(deps, target, old, { body, force: 'force' in rest && rest.force });
  if (old === undefined) throw notFound(kind, name);
  const before = old.object as unknown as JsonObject;
  const after = type === 'merge' ? mergePatch(before, clone(body)) : jsonPatch(before, body);
  if (!isObject(after)) throw badRequest('the patch leaves no object');
  const sent = bodyObject(after);
  checkBody(target, sent);
  const { uid } = sent.metadata;
  if (uid !== old.object.metadata.uid)
    throw invalid(kind, name, [wrong.value('metadata.uid', uid, 'field is immutable')]);
  return replace(deps, target, old, sent);
}

function apply(
  deps: WriteDeps,
  target: Target,
  old: Version | undefined,
  patch: { body: Json; force: boolean },
): Written {
  const { kind, name, subresource } = target;
  const sent = bodyObject(patch.body);
  checkBody(target, sent);
  if (old === undefined && subresource !== '') throw notFound(kind, name);
  const schema = ownershipSchema(kind.schema);
  const writer = writerOf(target, 'Apply');
  const applied = ownedPart(sent as unknown as JsonObject, subresource, kind.status);
  if (old === undefined) {
    sent.metadata.name = name;
    const made = create(deps, { ...target, dryRun: true }, sent);
    const owners = [{ ...writer, fields: new Set(fieldsOf(applied, schema).keys()) }];
    return { ...made, version: commit(deps, target, made.version.object, owners) };
  }
  checkRevision(target, old, sent);
  const result = applyPatch({ live: old.object, owners: old.owners, applied, schema, writer, force: patch.force });
  return replace(deps, target, old, result.object, result.owners);
}

/** Puts `next` in the place of `old`, as far as the subresource reaches. `owners` when an apply has settled them. */
export function replace(deps: WriteDeps, target: Target, old: Version, next: Stored, owners?: Owners): Written {
  const { kind, subresource } = target;
  checkRevision(target, old, next);
  const object = withinReach(kind, subresource, next, old.object);
  const unknown = checked(target, object, old.object);
  if (kind.generation && !same(wanted(object, kind), wanted(old.object, kind))) {
    object.metadata.generation = (old.object.metadata.generation ?? 0) + 1;
  }
  object.metadata.resourceVersion = old.object.metadata.resourceVersion ?? '';
  const finished = owners ?? ownersAfter(target, old, object);
  if (same(object, old.object) && sameOwners(finished, old.owners)) return { version: old, created: false, unknown };
  return { version: commit(deps, target, object, finished), created: false, unknown };
}

function withinReach(kind: Kind, subresource: Target['subresource'], next: Stored, old: Stored): Stored {
  const metadata = carriedMeta(next.metadata, old.metadata);
  if (subresource === 'status') {
    const result: Stored = { ...old, metadata: kind.custom ? { ...old.metadata } : metadata };
    if (next['status'] === undefined) delete result['status'];
    else result['status'] = next['status'];
    return result;
  }
  const result: Stored = { ...next, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
  if (kind.status) {
    if (old['status'] === undefined) delete result['status'];
    else result['status'] = old['status'];
  }
  return result;
}

/** What generation counts: all but metadata, and status where that is a subresource. */
function wanted(object: Stored, kind: Kind): unknown {
  const { metadata: _, status, ...rest } = object;
  return kind.status ? rest : { ...rest, status };
}

function ownersAfter(target: Target, old: Version, object: Stored): Owners {
  const { kind, subresource } = target;
  const schema = ownershipSchema(kind.schema);
  const fields = (one: Stored) => fieldsOf(ownedPart(one as unknown as JsonObject, subresource, kind.status), schema);
  return afterUpdate(old.owners, writerOf(target, 'Update'), fields(old.object), fields(object));
}

const writerOf = (target: Target, operation: Writer['operation']): Writer => ({
  manager: target.manager,
  operation,
  subresource: target.subresource,
});

/** Defaults, prunes and validates `object`. Throws 422 with all that is wrong; returns the fields that were dropped. */
function checked(target: Target, object: Stored, old: Stored | undefined): string[] {
  const { kind } = target;
  const causes = metaCauses(object, kind);
  if (old !== undefined) causes.push(...finalizerCauses(object, old));
  const { causes: more, unknown } = conform(kind, object, old);
  if (target.strict && unknown.length > 0) {
    throw badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ` +
        `strict decoding error: ${unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ')}`,
    );
  }
  if (causes.length + more.length > 0) throw invalid(kind, object.metadata.name ?? '', [...causes, ...more]);
  return unknown;
}

/** An object as it was sent, with metadata even when there was none. Throws 400 when it is none. */
export function bodyObject(body: Json): Stored {
  if (!isObject(body)) throw badRequest('the object provided is unrecognized: it must be a JSON object');
  if (body['metadata'] !== undefined && !isObject(body['metadata'])) throw badRequest('metadata must be an object');
  const object = { ...body, metadata: { ...body['metadata'] } } as unknown as Stored;
  checkMetaTypes(object.metadata);
  return object;
}

/** Throws when what was sent is not what the URL says. */
function checkBody(target: Target, sent: Stored): void {
  const { kind, namespace, name } = target;
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
  if (name !== '' && sent.metadata.name && sent.metadata.name !== name) {
    throw badRequest(`the name of the object (${sent.metadata.name}) does not match the name on the URL (${name})`);
  }
  if (sent.metadata.namespace && sent.metadata.namespace !== (namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function checkRevision(target: Target, old: Version, sent: Stored): void {
  const { resourceVersion } = sent.metadata;
  if (resourceVersion && resourceVersion !== old.object.metadata.resourceVersion)
    throw conflict(target.kind, target.name, STALE);
}

function checkNamespace(store: Store, target: { kind: Kind; namespace: string | undefined }, name: string): void {
  if (!target.kind.namespaced) return;
  const found = store.collection(idOf(NAMESPACES)).get(keyOf(undefined, target.namespace ?? ''));
  if (found === undefined) throw notFound(NAMESPACES, target.namespace ?? '');
  if (found.object.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${target.namespace} because it is being terminated`;
  throw forbidden(target.kind, name, why);
}

/** Writes, or removes a deleted object that nothing holds any more. */
function commit(deps: WriteDeps, target: Target, object: Stored, owners: Owners): Version {
  const { metadata } = object;
  const id = idOf(target.kind);
  const key = keyOf(target.namespace, metadata.name ?? '');
  const free = (metadata.finalizers ?? []).length === 0 && metadata.deletionGracePeriodSeconds === 0;
  const gone = metadata.deletionTimestamp !== undefined && free;
  if (target.dryRun || gone) {
    if (gone && !target.dryRun) deps.store.remove(id, key);
    return new Version({ key, revision: deps.store.revision(), object, owners });
  }
  return deps.store.put(id, key, object, owners);
}
