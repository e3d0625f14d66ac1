/** `T` with the fields that may be undefined made optional. */
export type Present<T extends object> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/**
 * The fields that have a value: those that are undefined are left out, for objects in which an absent field and an
 * undefined one are not the same (`exactOptionalPropertyTypes`, JSON patches, comparison of objects).
 */
export function present<T extends object>(fields: T): Present<T> {
  const kept: Partial<T> = {};
  for (const name in fields) if (fields[name] !== undefined) kept[name] = fields[name];
  return kept as unknown as Present<T>;
}
