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
  const get = <T extends KubeObject>(): Promise<T> =>
    object
      ? Promise.resolve(object as unknown as T)
      : Promise.reject(new ApiError({ code: 404, reason: 'NotFound', message: 'gone' }));
  return { client: { get, patch }, calls, read: () => object, write: (now: LocalVolume) => void (object = now) };
}

/** LocalVolumes behind an API server to which nobody else writes. */
export function createFakeObjects() {
  const objects = new Map<string, ReturnType<typeof createFakeObject>>();
  /** As they were written last, by name. */
  const heard = new Map<string, LocalVolume>();
  const patch = ((resource, key, ...rest) => {
    const object = objects.get((key as { readonly name: string }).name);
    return (object as NonNullable<typeof object>).client.patch(resource, key, ...rest);
  }) as KubeClient['patch'];
  const get = (() => Promise.reject(new Error('nobody else writes'))) as KubeClient['get'];
  return {
    client: { patch, get },
    heard,
    wrote: (volume: LocalVolume): void => void heard.set(volume.metadata.name ?? '', volume),
    order: (volume: LocalVolume): void => {
      objects.set(volume.metadata.name ?? '', createFakeObject(volume));
      heard.set(volume.metadata.name ?? '', volume);
    },
    read: (name: string): LocalVolume | undefined => objects.get(name)?.read(),
  };
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
