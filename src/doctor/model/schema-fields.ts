import type { Schema } from './kinds.ts';

/** Paths of all fields, without a mark for what is a list. */
export function fieldsOf(schema: Schema | undefined, before = ''): ReadonlySet<string> {
  const { properties = {}, items } = schema ?? {};
  const own = Object.entries(properties).flatMap(([name, part]) => {
    const path = before === '' ? name : `${before}.${name}`;
    return [path, ...fieldsOf(part, path)];
  });
  return new Set([...own, ...(items ? fieldsOf(items, before) : [])]);
}
