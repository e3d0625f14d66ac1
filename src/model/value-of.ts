/**
 * The value under a key that a person wrote. `constructor` and `toString` are legal keys of labels, names of volume
 * groups and words in a configuration, and every object has them by itself.
 */
export const valueOf = <T>(values: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(values, key) ? values[key] : undefined;
