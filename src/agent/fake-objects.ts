import type { LocalVolume } from '../model/local-volume.ts';
import type { KubeObject } from '../model/objects.ts';
import type { KubeClient, Patch } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';

type Json = Record<string, unknown>;

/** One LocalVolume behind an API server's patch, for tests: merge patches, and the JSON patches that the agent uses. */
export function createFakeObject(initial: LocalVolume) {
  let object: LocalVolume | undefined = initial;
  const calls: Patch[] = [];
  const patch: KubeClient['patch'] = <T extends KubeObject>(
    _resource: unknown,
    _key: unknown,
    change: Patch,
  ): Promise<T> => {
    calls.push(change);
    if (!object) return Promise.reject(new ApiError({ code: 404, reason: 'NotFound', message: 'gone' }));
    if (change.type === 'merge')
      object = merge(object as unknown as Json, change.body as Json) as unknown as LocalVolume;
    else object = withoutFinalizer(object);
    const answer = object;
    if (object.metadata.deletionTimestamp !== undefined && object.metadata.finalizers?.length === 0) object = undefined;
    return Promise.resolve(answer as unknown as T);
  };
  return { client: { patch }, calls, read: () => object, write: (now: LocalVolume) => void (object = now) };
}

function withoutFinalizer(object: LocalVolume): LocalVolume {
  return { ...object, metadata: { ...object.metadata, finalizers: [] } };
}

/** RFC 7396. */
function merge(target: Json, change: Json): Json {
  const result = { ...target };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else if (typeof value === 'object' && !Array.isArray(value))
      result[key] = merge((result[key] ?? {}) as Json, value as Json);
    else result[key] = value;
  }
  return result;
}
