import type { KubeObject } from '../../../src/model/objects.ts';
import type { Store } from '../../../sandbox/controllers/store.ts';

/**
 * Calls `look` now and after every change in the stores, until it returns something other than undefined or false.
 * Throws with `what`, and with the state that `found` returns, when time is up.
 */
export async function until<T>(
  what: string,
  stores: readonly Pick<Store<KubeObject>, 'subscribe'>[],
  withinMs: number,
  look: () => T | undefined | false,
  found: () => unknown = () => '',
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let isDue = false;
  const glance = (): void => {
    isDue = false;
    try {
      const seen = look();
      if (seen !== undefined && seen !== false) resolve(seen);
    } catch (error) {
      reject(error);
    }
  };
  // One call of `look` serves a burst of changes.
  const soon = (): void => {
    if (isDue) return;
    isDue = true;
    setImmediate(glance);
  };
  const ends = stores.map((store) => store.subscribe(soon));
  const timer = setTimeout(() => {
    reject(new Error(`after ${withinMs} ms it is not so that ${what}: ${JSON.stringify(found())}`));
  }, withinMs);
  glance();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    ends.forEach((end) => end());
  }
}
