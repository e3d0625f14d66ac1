import type { KubeObject } from '../../src/model/objects.ts';
import type { Store } from './store.ts';

/**
 * A stand-in for one of Kubernetes' own controllers: reconciles the objects that belong to a key. It reads only stores
 * and writes only through the API server, and may be called at any time, any number of times.
 */
export interface StandIn {
  readonly name: string;
  readonly wakes: readonly Wake[];
  /** Keys reconciled at the same time; absent: 10. */
  readonly concurrency?: number;
  /** Reconciles one key. Throws when it must be repeated after a back-off. */
  reconcile(key: string, signal: AbortSignal): Promise<void>;
}

/** Source of keys: a kind of object whose changes concern them. */
export interface Wake {
  /** Calls back with every key that exists now, and later with each that a change concerns. */
  follow(add: (key: string) => void): () => void;
}

/** Makes a source of the keys that `keysOf` gives for each changed object. */
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
