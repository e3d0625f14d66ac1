import { API_VERSION } from '../model/well-known.ts';
import type { Definition, Schema } from './definition.ts';

/** Paths of all fields, without a mark for what is a list. */
export function fieldsOf(schema: Schema | undefined, before = ''): ReadonlySet<string> {
  const { properties = {}, items } = schema ?? {};
  const own = Object.entries(properties).flatMap(([name, part]) => {
    const path = before === '' ? name : `${before}.${name}`;
    return [path, ...fieldsOf(part, path)];
  });
  return new Set([...own, ...(items ? fieldsOf(items, before) : [])]);
}

/** The fields that the definition lacks; undefined where it does not serve our version at all. */
export function fieldsMissing(
  definition: Definition | undefined,
  fields: readonly string[],
): readonly string[] | undefined {
  const version = definition?.spec?.versions?.find(({ name }) => name === API_VERSION);
  if (!version || version.served === false) return undefined;
  const known = fieldsOf(version.schema?.openAPIV3Schema);
  const missing = fields.filter((field) => !known.has(field));
  // Of a part that is missing its own parts are too: it is enough to name the whole.
  return missing.filter((field) => !missing.some((other) => field.startsWith(`${other}.`)));
}
