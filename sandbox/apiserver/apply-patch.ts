import { ApiFailure, badRequest } from './failure.ts';
import { fieldsOf, mergeApplied, SEPARATOR, withoutFields } from './field-paths.ts';
import { isObject, type Json, type JsonObject, type Stored } from './json.ts';
import { afterApply, compareFields, isWriter, type Owners, readable, type Writer } from './owners.ts';
import type { Schema } from './schema.ts';
import { difference, intersection } from './sets.ts';

const METADATA: Schema = {
  type: 'object',
  properties: {
    finalizers: { type: 'array', 'x-kubernetes-list-type': 'set' },
    ownerReferences: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['uid'] },
  },
};

/** The schema by which fields of a whole object are owned: the kind's, with what is known of metadata. */
export const ownershipSchema = (schema: Schema): Schema => ({
  ...schema,
  properties: { ...schema.properties, metadata: METADATA },
});

/** Identity and bookkeeping, which nobody owns. */
const UNOWNED = ['apiVersion', 'kind'];
const UNOWNED_METADATA = [
  'name',
  'namespace',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
];

/** `object` without what nobody owns, and without what a write to `subresource` does not write. */
export function ownedPart(object: JsonObject, subresource: string, hasStatus: boolean): JsonObject {
  const owned = Object.entries(object).flatMap(([field, value]): [string, Json][] => {
    if (UNOWNED.includes(field)) return [];
    if (subresource === 'status' ? field !== 'status' : field === 'status' && hasStatus) return [];
    if (field !== 'metadata' || !isObject(value)) return [[field, value]];
    const metadata = Object.entries(value).filter(([name]) => !UNOWNED_METADATA.includes(name));
    return metadata.length === 0 ? [] : [[field, Object.fromEntries(metadata)]];
  });
  return Object.fromEntries(owned);
}

export interface Application {
  readonly live: Stored;
  readonly owners: Owners;
  /** What the applier says, cut by `ownedPart`. */
  readonly applied: JsonObject;
  readonly schema: Schema;
  readonly writer: Writer;
  readonly force: boolean;
}

/**
 * Server-side apply: sets the applied fields, removes those this manager applied before and no longer does, unless
 * another owns them too. Throws 409 naming the fields that another manager owns with another value, unless forced.
 */
export function applyPatch(application: Application): { object: Stored; owners: Owners } {
  const { live, owners, applied, schema, writer, force } = application;
  const others = owners.filter((owner) => !isWriter(owner, writer));
  const merged = mergeApplied(live as unknown as JsonObject, applied, schema);
  const { changed } = compareFields(fieldsOf(live as unknown as JsonObject, schema), fieldsOf(merged, schema));
  const disputed = others
    .map((owner) => ({ owner, fields: intersection(owner.fields, changed) }))
    .filter(({ fields }) => fields.size > 0);
  if (disputed.length > 0 && !force) throw conflicts(disputed);

  const appliedFields = new Set(fieldsOf(applied, schema).keys());
  const given = owners.find((owner) => isWriter(owner, writer))?.fields ?? new Set<string>();
  const abandoned = [...difference(given, appliedFields)].filter(
    (path) => !others.some((owner) => owner.fields.has(path) || ownsBelow(owner.fields, path)),
  );
  const object = abandoned.length === 0 ? merged : withoutFields(merged, schema, new Set(abandoned));
  if (!isObject(object)) throw badRequest('nothing is left of the object');
  const taken = new Set(disputed.flatMap(({ fields }) => [...fields]));
  return { object: object as unknown as Stored, owners: afterApply(owners, writer, appliedFields, taken) };
}

const ownsBelow = (fields: ReadonlySet<string>, path: string): boolean =>
  [...fields].some((other) => other.startsWith(path + SEPARATOR));

function conflicts(disputed: readonly { owner: Writer; fields: ReadonlySet<string> }[]): ApiFailure {
  const causes = disputed.flatMap(({ owner, fields }) =>
    [...fields].map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${JSON.stringify(owner.manager)}${owner.subresource === '' ? '' : ` with subresource ${JSON.stringify(owner.subresource)}`}`,
      field: readable(path),
    })),
  );
  const plural = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  const first = causes[0];
  return new ApiFailure(409, 'Conflict', `Apply failed with ${plural}: ${first?.message}: ${first?.field}`, { causes });
}
