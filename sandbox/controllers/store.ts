import type { KubeObject } from '../../src/model/objects.ts';

/** Objects of one kind as a watch last showed them, keyed `namespace/name` or `name`. */
export interface Store<T extends KubeObject> {
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Calls back after every change; `gone` when the object was deleted. The returned function ends it. */
  subscribe(listener: (object: T, gone: boolean) => void): () => void;
}

export const keyOf = ({ metadata }: KubeObject): string =>
  metadata.namespace === undefined ? (metadata.name ?? '') : `${metadata.namespace}/${metadata.name ?? ''}`;

/** Splits a key into its parts; cluster-scoped objects have no namespace. */
export function splitKey(key: string): { readonly name: string; readonly namespace?: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
