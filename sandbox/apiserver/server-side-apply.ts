import { applyPatch, ownedPart, ownershipSchema } from './apply-patch.ts';
import { ApiFailure, badRequest, conflict, notFound } from './failure.ts';
import { fieldsOf } from './field-paths.ts';
import type { JsonObject } from './json.ts';
import { apiVersionOf, idOf, type Kind } from './kind.ts';
import { commit, replace, type WriteDeps, writerOf } from './replace.ts';
import { schemaCauses } from './schema-check.ts';
import { pruned } from './schema-shape.ts';
import type { ApplyPatch, Target, Written } from './target.ts';
import { keyOf } from './version.ts';
import { bodyObject, checkBody, checkNamed, checkRevision } from './write-checks.ts';
import { create } from './writes.ts';

/**
 * Applies a configuration; creates the object when it is not there. Throws 400, 409 for a field of another manager,
 * 422, 500 as the real server.
 */
export function apply(deps: WriteDeps, target: Target, { body, force }: ApplyPatch): Written {
  const { kind, name, subresource } = target;
  const sent = bodyObject(body);
  if (sent.kind && sent.kind !== kind.kind)
    throw badRequest(`invalid object type: ${sent.apiVersion}, Kind=${sent.kind}`);
  checkBody(target, sent);
  if ('managedFields' in sent.metadata) throw badRequest('metadata.managedFields must be nil');
  const schema = ownershipSchema(kind.schema);
  const writer = writerOf(target, 'Apply');
  const applied = ownedPart(sent as unknown as JsonObject, subresource, kind.status);
  checkTyped(kind, applied);

  const old = deps.store.collection(idOf(kind)).get(keyOf(target.namespace, name));
  if (old !== undefined) {
    const result = applyPatch({ live: old.object, owners: old.owners, applied, schema, writer, force });
    checkRevision(target, old, sent);
    return replace(deps, target, old, result.object, result.owners);
  }
  if (subresource !== '') throw notFound(kind, name);
  checkNamed(target, sent);
  const { uid } = sent.metadata;
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(kind, name, why);
  }
  delete sent.metadata.resourceVersion;
  const made = create(deps, { ...target, dryRun: true }, sent);
  const owners = [{ ...writer, fields: new Set(fieldsOf(applied, schema).keys()) }];
  return { ...made, version: commit(deps, target, made.version.object, owners) };
}

/** A configuration that does not fit the schema cannot be merged at all; the real server answers 500 to that. */
function checkTyped(kind: Kind, applied: JsonObject): void {
  if (!kind.custom) return;
  const unknown: string[] = [];
  const known = pruned(applied, kind.schema, unknown, '', true);
  const misfits = schemaCauses(known, kind.schema).filter(
    ({ reason, message }) => TYPING.has(reason) && !message.endsWith('"null"'),
  );
  const problems = [
    ...unknown.map((path) => `.${path}: field not declared in schema`),
    ...misfits.map(({ field, message }) => `.${field}: ${message}`),
  ];
  if (problems.length === 0) return;
  const what = `(${apiVersionOf(kind)}, Kind=${kind.kind})`;
  throw new ApiFailure(500, '', `failed to create typed patch object ${what}: ${problems.join(', ')}`);
}

const TYPING = new Set(['FieldValueTypeInvalid', 'FieldValueDuplicate']);
