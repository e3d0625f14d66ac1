import { isObject, type Json, type JsonObject } from './json.ts';
import { fieldSchema, type Schema } from './schema.ts';

/**
 * The fields of an object as server-side apply counts them: a path per leaf, a path per item of a keyed list or a set.
 * Lists and maps that merge as one (atomic) are leaves.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy A path is its elements joined by
 * SEPARATOR: `f:name`, `k:{"type":"Ready"}`, `v:"member"`.
 */
export type Fields = ReadonlyMap<string, Json>;

export const SEPARATOR = '\u0000';

export const below = (path: string, element: string): string =>
  path === '' ? element : `${path}${SEPARATOR}${element}`;
export const fieldElement = (field: string): string => `f:${field}`;

/**
 * What identifies an item of a keyed list or of a set; undefined when the list merges as one, or the item has no key.
 */
export function itemElement(item: Json, list: Schema | undefined): string | undefined {
  if (list?.['x-kubernetes-list-type'] === 'set') return `v:${JSON.stringify(item)}`;
  if (list?.['x-kubernetes-list-type'] !== 'map' || !isObject(item)) return undefined;
  const keys = (list['x-kubernetes-list-map-keys'] ?? []).map((key) => [
    key,
    item[key] ?? list.items?.properties?.[key]?.default,
  ]);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

export const isGranularList = (list: Schema | undefined): boolean =>
  list?.['x-kubernetes-list-type'] === 'set' || list?.['x-kubernetes-list-type'] === 'map';

/**
 * All fields of `value`. Items of lists have the value null: only that they are there counts, their own fields come
 * apart.
 */
export function fieldsOf(value: Json, schema: Schema | undefined): Fields {
  const fields = new Map<string, Json>();
  collect(value, schema, '', fields);
  // The whole is no field, even when it is empty.
  fields.delete('');
  return fields;
}

function collect(value: Json, schema: Schema | undefined, path: string, into: Map<string, Json>): void {
  if (isObject(value) && schema?.['x-kubernetes-map-type'] !== 'atomic' && Object.keys(value).length > 0) {
    for (const [field, child] of Object.entries(value)) {
      collect(child, fieldSchema(schema, field), below(path, fieldElement(field)), into);
    }
  } else if (Array.isArray(value) && isGranularList(schema)) {
    for (const item of value) collectItem(item, schema, path, into);
  } else into.set(path, value);
}

function collectItem(item: Json, list: Schema | undefined, path: string, into: Map<string, Json>): void {
  const element = itemElement(item, list);
  if (element === undefined) return;
  into.set(below(path, element), null);
  if (isObject(item)) collect(item, list?.items, below(path, element), into);
}

/** `live` with what `applied` says; only what merges as one is replaced. */
export function mergeApplied(live: Json | undefined, applied: Json, schema: Schema | undefined): Json {
  if (isObject(applied) && isObject(live) && schema?.['x-kubernetes-map-type'] !== 'atomic') {
    const merged: JsonObject = { ...live };
    for (const [field, value] of Object.entries(applied)) {
      merged[field] = mergeApplied(live[field], value, fieldSchema(schema, field));
    }
    return merged;
  }
  if (!Array.isArray(applied) || !Array.isArray(live) || !isGranularList(schema)) return applied;

  const merged = [...live];
  const places = new Map(live.map((item, place) => [itemElement(item, schema), place]));
  for (const item of applied) {
    const place = places.get(itemElement(item, schema));
    if (place === undefined) merged.push(item);
    else merged[place] = mergeApplied(live[place], item, schema?.items);
  }
  return merged;
}

/** `value` without the fields of `gone`. An object or list that loses its last member goes as well. */
export function withoutFields(
  value: Json,
  schema: Schema | undefined,
  gone: ReadonlySet<string>,
  path = '',
): Json | undefined {
  if (gone.has(path)) return undefined;
  if (isObject(value) && schema?.['x-kubernetes-map-type'] !== 'atomic') {
    const kept = Object.entries(value).flatMap(([field, child]): [string, Json][] => {
      const rest = withoutFields(child, fieldSchema(schema, field), gone, below(path, fieldElement(field)));
      return rest === undefined ? [] : [[field, rest]];
    });
    return kept.length === 0 && Object.keys(value).length > 0 ? undefined : Object.fromEntries(kept);
  }
  if (!Array.isArray(value) || !isGranularList(schema)) return value;
  const kept = value.flatMap((item): Json[] => {
    const element = itemElement(item, schema);
    const rest = element === undefined ? item : withoutFields(item, schema?.items, gone, below(path, element));
    return rest === undefined ? [] : [rest];
  });
  return kept.length === 0 && value.length > 0 ? undefined : kept;
}
