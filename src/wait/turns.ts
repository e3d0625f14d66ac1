import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Looks at each of them, so many without a break, and lets all else that is to be done go on in between. False when it
 * was aborted before the last.
 */
export async function inTurns<T>(
  all: Iterable<T>,
  atOnce: number,
  look: (one: T) => void,
  signal?: AbortSignal,
): Promise<boolean> {
  let count = 0;
  for (const one of all) {
    look(one);
    count += 1;
    if (count % atOnce !== 0) continue;
    await nextTurn();
    if (signal?.aborted) return false;
  }
  return true;
}
