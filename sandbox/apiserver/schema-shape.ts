import { clone, isObject, type Json, type JsonObject } from './json.ts';
import { fieldSchema, type Schema } from './schema.ts';

/** Of a whole object, which its schema need not name. */
const OBJECT_FIELDS = ['apiVersion', 'kind', 'metadata'];

/**
 * `value` without the fields its schema does not know, whose paths it adds to `unknown`. `whole` for an object with
 * apiVersion, kind and metadata, which are left as they are.
 */
export function pruned(value: Json, schema: Schema, unknown: string[], path = '', whole = path === ''): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined
      ? value
      : value.map((item, i) => pruned(item, items, unknown, `${path}[${i}]`, isEmbedded(items)));
  }
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const [field, child] of Object.entries(value)) {
    const here = path === '' ? field : `${path}.${field}`;
    const known = fieldSchema(schema, field);
    if (whole && OBJECT_FIELDS.includes(field)) kept[field] = child;
    else if (known !== undefined) kept[field] = pruned(child, known, unknown, here, isEmbedded(known));
    else if (keepsUnknown(schema)) kept[field] = child;
    else unknown.push(here);
  }
  return kept;
}

const isEmbedded = (schema: Schema): boolean => schema['x-kubernetes-embedded-resource'] === true;
const keepsUnknown = (schema: Schema): boolean =>
  schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;

/**
 * `value` with the defaults of what is absent, or null where it may not be. Such a null without a default is dropped. A
 * default reaches only into objects that are there.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
 */
export function defaulted(value: Json, schema: Schema): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => defaulted(item, items));
  }
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [field, child] of Object.entries(value)) {
    const known = fieldSchema(schema, field);
    if (known === undefined) result[field] = child;
    else if (child !== null || known.nullable === true) result[field] = defaulted(child, known);
  }
  for (const [field, known] of Object.entries(schema.properties ?? {})) {
    if (result[field] === undefined && known.default !== undefined)
      result[field] = defaulted(clone(known.default) as Json, known);
  }
  return result;
}
