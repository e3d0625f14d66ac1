import type { KubeObject } from '../model/objects.ts';
import type { KubeClient, ObjectKey } from './client.ts';
import { isNotFound } from './errors.ts';
import type { Resource } from './resource.ts';

/** The answer of a call, or undefined when its object is not there (isNotFound). Throws what the call throws else. */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The object as the API server has it, or undefined when there is none. Throws what `get` throws else. */
export const find = <T extends KubeObject>(
  client: Pick<KubeClient, 'get'>,
  resource: Resource<T>,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<T | undefined> => unlessGone(client.get(resource, key, signal));
