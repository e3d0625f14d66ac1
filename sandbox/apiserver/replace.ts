import { ownedPart, ownershipSchema } from './apply-patch.ts';
import { conform, type Conformed } from './conform.ts';
import { badRequest, type Cause, forbidden, invalid } from './failure.ts';
import { fieldsOf } from './field-paths.ts';
import { type JsonObject, same, type Stored } from './json.ts';
import { apiVersionOf, idOf, type Kind } from './kind.ts';
import { carriedMeta, deletionCauses, metaCauses } from './meta.ts';
import { afterUpdate, type Owners, sameOwners, type Writer } from './owners.ts';
import type { Store } from './store.ts';
import type { Target, Written } from './target.ts';
import { keyOf, Version } from './version.ts';
import { checkRevision } from './write-checks.ts';

export interface WriteDeps {
  readonly store: Store;
  readonly now: () => number;
}

/** Puts `next` in the place of `old`, as far as the subresource reaches. `owners` when an apply has settled them. */
export function replace(deps: WriteDeps, target: Target, old: Version, next: Stored, owners?: Owners): Written {
  const { kind, subresource } = target;
  checkRevision(target, old, next);
  const { object, unknown } = checked(
    target,
    withinReach(kind, subresource, next, old.object),
    old.object,
    deletionCauses(next.metadata, old.object.metadata),
  );
  const find = (id: string, key: string) => deps.store.collection(id).get(key)?.object;
  const why = kind.rules.admitUpdate?.(object, old.object, find) ?? '';
  if (why !== '') throw forbidden(kind, target.name, why);
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

export const writerOf = (target: Target, operation: Writer['operation']): Writer => ({
  manager: target.manager,
  operation,
  subresource: target.subresource,
});

/**
 * Defaults, prunes and validates `sent`. Throws 422 with all that is wrong, 400 for unknown fields where they are an
 * error.
 */
export function checked(
  target: Target,
  sent: Stored,
  old: Stored | undefined,
  refused: readonly Cause[] = [],
): Conformed {
  const { kind } = target;
  const conformed = conform(kind, sent, old);
  const { object, unknown } = conformed;
  if (target.fieldValidation === 'Strict' && unknown.length > 0) {
    const fields = unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ');
    const what = `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}`;
    throw badRequest(`${what}: strict decoding error: ${fields}`);
  }
  const causes = [...metaCauses(object, kind), ...refused, ...conformed.causes];
  if (causes.length > 0) throw invalid(kind, object.metadata.name ?? '', causes);
  return { ...conformed, unknown: target.fieldValidation === 'Ignore' ? [] : unknown };
}

/** Writes, or removes a deleted object that nothing holds any more. */
export function commit(deps: WriteDeps, target: Target, object: Stored, owners: Owners): Version {
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
