import type { KubeObject, ObjectMeta } from '../model/objects.ts';
import type { KubeClient } from './client.ts';
import { isConflict } from './errors.ts';
import { find, unlessGone } from './find.ts';
import type { Resource } from './resource.ts';

/** Others write to an object now and then: more conflicts than this in a row are told. */
const MAX_TRIES = 5;

/** A change of one object; `body` is a merge patch (RFC 7396). */
export interface SameObjectPatch<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** The object that is meant, as it was last seen. */
  readonly object: T;
  readonly body: { readonly [field: string]: unknown; readonly metadata?: object };
  readonly subresource?: 'status' | undefined;
}

/**
 * Patches this very object, and never a later one of its name; resolves with undefined when it is gone. A merge patch
 * cannot test a uid, and the status subresource passes over one, so the patch names the resource version; when that is
 * not current any more, the uid is compared and the patch tried again. An object without uid or resource version, which
 * came from no API server, is patched by its name.
 */
export async function patchSame<T extends KubeObject>(
  client: Pick<KubeClient, 'get' | 'patch'>,
  { resource, object, body, subresource }: SameObjectPatch<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { name = '', namespace, uid } = object.metadata;
  const key = { name, namespace };
  const patch = ({ resourceVersion }: ObjectMeta): Promise<T | undefined> => {
    const whole = uid && resourceVersion ? { ...body, metadata: { ...body.metadata, resourceVersion } } : body;
    return unlessGone(client.patch(resource, key, { type: 'merge', body: whole }, signal, subresource));
  };
  let { metadata } = object;
  for (let tries = 1; ; tries += 1) {
    try {
      return await patch(metadata);
    } catch (error) {
      if (!isConflict(error) || tries === MAX_TRIES) throw error;
    }
    const now = await find(client, resource, key, signal);
    if (now?.metadata.uid !== uid) return undefined;
    ({ metadata } = now ?? object);
  }
}
