import { isObject, type Json, type JsonObject } from './json.ts';
import { fieldSchema, type Schema } from './schema.ts';

const DIRECTIVE = '$patch';
const RETAIN = '$retainKeys';
const DELETE_FROM = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

/**
 * Strategic merge: a merge patch that knows a kind's lists by their keys, with directives ($patch, $retainKeys,
 * $deleteFromPrimitiveList)
 * among the fields. Shares what it does not change with `target`.
 * https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export function strategicPatch(target: Json | undefined, patch: Json, schema: Schema | undefined): Json {
  if (!isObject(patch)) return patch;
  const directive = patch[DIRECTIVE];
  if (directive === 'delete') return {};
  const before = isObject(target) && directive !== 'replace' ? retained(target, patch[RETAIN]) : {};
  const result: JsonObject = { ...before };
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith(DELETE_FROM)) without(result, field.slice(DELETE_FROM.length), value);
    else if (field === DIRECTIVE || field === RETAIN || field.startsWith(ORDER)) continue;
    else if (value === null) delete result[field];
    else result[field] = merged(result[field], value, fieldSchema(schema, field));
  }
  return result;
}

function merged(target: Json | undefined, patch: Json, schema: Schema | undefined): Json {
  if (!Array.isArray(patch)) return strategicPatch(target, patch, schema);
  const type = schema?.['x-kubernetes-list-type'];
  const before = Array.isArray(target) ? target : [];
  if (type === 'set') return [...new Set([...before, ...patch])];
  const key = schema?.['x-kubernetes-list-map-keys']?.[0];
  if (type !== 'map' || key === undefined) return patch;
  const replaces = patch.some((item) => isObject(item) && item[DIRECTIVE] === 'replace');
  const items = patch.filter((item): item is JsonObject => isObject(item) && item[DIRECTIVE] !== 'replace');
  return items.reduce<Json[]>((list, item) => withItem(list, item, key, schema?.items), replaces ? [] : [...before]);
}

/** The list with the item merged into the one of its key, or behind all; without that one where the item says so. */
function withItem(list: Json[], item: JsonObject, key: string, schema: Schema | undefined): Json[] {
  const place = list.findIndex((one) => isObject(one) && one[key] === item[key]);
  if (item[DIRECTIVE] === 'delete') return place < 0 ? list : list.toSpliced(place, 1);
  if (place < 0) return [...list, strategicPatch({}, item, schema)];
  return list.with(place, strategicPatch(list[place], item, schema));
}

function retained(target: JsonObject, keys: Json | undefined): JsonObject {
  if (!Array.isArray(keys)) return target;
  return Object.fromEntries(Object.entries(target).filter(([field]) => keys.includes(field)));
}

function without(result: JsonObject, field: string, values: Json): void {
  const list = result[field];
  if (Array.isArray(list) && Array.isArray(values)) result[field] = list.filter((one) => !values.includes(one));
}
