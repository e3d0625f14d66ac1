import type { KubeObject } from '../../src/model/objects.ts';
import type { Store } from './store.ts';

/**
 * A stand-in for one of Kubernetes' own controllers: brings what belongs to a key into order, looking only at stores and writing only
 * through the API server. May be called at any time, again and again.
 */
export interface StandIn {
  readonly name: string;
  readonly wakes: readonly Wake[];
  /** How many keys at a time; 10 when absent. */
  readonly concurrency?: number;
  /** Throws when it has to be tried again after a back-off. */
  reconcile(key: string, signal: AbortSignal): Promise<void>;
}

/** Which keys a change concerns. */
export interface Wake {
  /** Calls back with every key that is there now, and later with each that a change concerns. */
  follow(add: (key: string) => void): () => void;
}

/** Wakes the keys that `keysOf` names for each changed object. */
export function onChange<T extends KubeObject>(
  store: Store<T>,
  keysOf: (object: T, gone: boolean) => readonly string[],
): Wake {
  return {
    follow: (add) => {
      for (const object of store.list()) keysOf(object, false).forEach(add);
      return store.subscribe((object, gone) => keysOf(object, gone).forEach(add));
    },
  };
}
