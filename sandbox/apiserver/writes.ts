import { ownedPart, ownershipSchema } from './apply-patch.ts';
import { ApiFailure, alreadyExists, badRequest, conflict, invalid, notFound, wrong } from './failure.ts';
import { fieldsOf } from './field-paths.ts';
import { clone, isObject, type Json, type JsonObject, type Stored } from './json.ts';
import { jsonPatch } from './json-patch.ts';
import { strategicPatch } from './strategic-patch.ts';
import { idOf } from './kind.ts';
import { mergePatch } from './merge-patch.ts';
import { freshMeta } from './meta.ts';
import { generateName } from './names.ts';
import { afterUpdate } from './owners.ts';
import { checked, commit, replace, type WriteDeps, writerOf } from './replace.ts';
import type { Schema } from './schema.ts';
import type { PlainPatch, Target, Written } from './target.ts';
import { keyOf } from './version.ts';
import { bodyObject, checkBody, checkNamed, checkNamespace } from './write-checks.ts';

/** Creates the object that was sent. Throws what a real server answers: 400, 404 for a missing namespace, 409, 422. */
export function create(deps: WriteDeps, target: Omit<Target, 'name' | 'subresource'>, sent: Stored): Written {
  const { kind, namespace } = target;
  const place: Target = { ...target, name: '', subresource: '' };
  checkBody(place, sent);
  if (sent.metadata.resourceVersion)
    throw new ApiFailure(500, '', 'resourceVersion should not be set on objects to be created');
  const { object, unknown } = checked(place, freshObject(place, sent, deps.now()), undefined);

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

function freshObject({ kind, namespace }: Target, sent: Stored, now: number): Stored {
  const object: Stored = { ...sent, metadata: freshMeta(sent.metadata, kind, now) };
  const { metadata } = object;
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
  if (kind.namespaced) metadata.namespace = namespace ?? '';
  if (kind.custom && kind.status) delete object['status'];
  kind.rules.prepareCreate?.(object);
  return object;
}

/** Replaces an object by the one that was sent; creates it where the kind allows that. */
export function update(deps: WriteDeps, target: Target, sent: Stored): Written {
  const { kind, name } = target;
  checkBody(target, sent);
  checkNamed(target, sent);
  const old = deps.store.collection(idOf(kind)).get(keyOf(target.namespace, name));
  const { uid, resourceVersion } = sent.metadata;
  if (old === undefined && (!kind.createOnUpdate || target.subresource !== '')) throw notFound(kind, name);
  const found = old?.object.metadata.uid ?? '';
  if (uid && uid !== found) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${found}`);
  }
  if (old === undefined) {
    delete sent.metadata.resourceVersion;
    return create(deps, target, sent);
  }
  if (!resourceVersion && !kind.unconditionalUpdate) {
    throw invalid({ ...kind, kind: kind.plural }, name, [
      wrong.value('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  }
  return replace(deps, target, old, sent);
}

/** Patches an object by RFC 7396, RFC 6902 or strategic merge. */
export function patch(deps: WriteDeps, target: Target, { type, body }: PlainPatch): Written {
  const { kind, name, namespace } = target;
  const old = deps.store.collection(idOf(kind)).get(keyOf(namespace, name));
  if (old === undefined) throw notFound(kind, name);
  const before = old.object as unknown as JsonObject;
  const after = patched(type, before, clone(body), ownershipSchema(kind.schema));
  if (!isObject(after)) throw badRequest('the patch leaves no object');
  const sent = bodyObject(after);
  checkBody(target, sent);
  checkNamed(target, sent);
  const { uid } = sent.metadata;
  if (uid !== old.object.metadata.uid)
    throw invalid(kind, name, [wrong.value('metadata.uid', uid, 'field is immutable')]);
  return replace(deps, target, old, sent);
}

function patched(type: PlainPatch['type'], before: JsonObject, body: Json, schema: Schema): Json {
  if (type === 'json') return jsonPatch(before, body);
  return type === 'merge' ? mergePatch(before, body) : strategicPatch(before, body, schema);
}
