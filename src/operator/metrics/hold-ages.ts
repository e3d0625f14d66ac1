/** Ages by which holds are counted, in seconds: a pod is bound within one, a volume made within two. */
export const AGES_S = [60, 600, 3600] as const;

/**
 * Returns a look at what is there: how long each key has been there without a break, in ms, as far as these looks saw.
 * A pod whose hold is replaced at each try of the scheduler so gets older all the same.
 */
export function createAges(): (keys: readonly string[], nowMs: number) => number[] {
  let since: ReadonlyMap<string, number> = new Map();
  return (keys, nowMs) => {
    since = new Map(keys.map((key) => [key, since.get(key) ?? nowMs]));
    return [...since.values()].map((first) => nowMs - first);
  };
}
