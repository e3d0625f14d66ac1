import type { KubeClient, ListOptions, ObjectKey } from '../kube/client.ts';
import { ApiError, isGone, isNoSuchKind } from '../kube/errors.ts';
import { find } from '../kube/find.ts';
import { pagesOf } from '../kube/pages.ts';
import type { Resource } from '../kube/resource.ts';
import { textOf } from '../model/fault.ts';
import type { KubeObject } from '../model/objects.ts';
import type { Unseen } from './model/facts.ts';

export type Reader = Pick<KubeClient, 'get' | 'list' | 'create'>;

/** Looks at one thing; what cannot be looked at is noted, and undefined. */
export interface Look {
  readonly client: Reader;
  readonly signal: AbortSignal;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<readonly T[] | undefined>;
  /** Undefined where there is none, too. */
  find<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined>;
  tried<T>(what: string, call: () => Promise<T>): Promise<T | undefined>;
}

export function createLook(client: Reader, unseen: Unseen[], signal: AbortSignal): Look {
  const tried: Look['tried'] = async (what, call) => {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && [0, 401].includes(error.code)) throw error;
      unseen.push({ what, problem: textOf(error) });
      return undefined;
    }
  };
  return {
    client,
    signal,
    tried,
    list: (resource, options = {}) => tried(resource.plural, () => listAll(client, resource, options, signal)),
    find: (resource, key) =>
      tried(`${resource.kind} ${key.namespace === undefined ? '' : `${key.namespace}/`}${key.name}`, () =>
        find(client, resource, key, signal),
      ),
  };
}

/** In pages; a kind that the server does not know has no objects. */
async function listAll<T extends KubeObject>(
  client: Reader,
  resource: Resource<T>,
  options: ListOptions,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const items: T[] = [];
  try {
    for await (const page of pagesOf(client, resource, options, signal)) items.push(...page);
    return items;
  } catch (error) {
    if (isNoSuchKind(error)) return [];
    // It changed too much while it was read page by page.
    if (isGone(error)) return (await client.list(resource, options, signal)).items;
    throw error;
  }
}
