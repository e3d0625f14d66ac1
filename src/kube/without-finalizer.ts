import type { ObjectMeta } from '../model/objects.ts';
import type { Patch } from './client.ts';

/**
 * Takes a finalizer off this very object. The patch fails when the object is another one, or its finalizers have
 * changed; with `unchanged`, when anything has. Undefined when the finalizer is not among them.
 */
export function withoutFinalizer(
  { uid, resourceVersion, finalizers = [] }: ObjectMeta,
  finalizer: string,
  { unchanged = false } = {},
): Patch | undefined {
  const at = finalizers.indexOf(finalizer);
  if (at < 0) return undefined;
  const path = `/metadata/finalizers/${at}`;
  const body = [
    { op: 'test', path: '/metadata/uid', value: uid },
    ...(unchanged ? [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }] : []),
    { op: 'test', path, value: finalizer },
    { op: 'remove', path },
  ];
  return { type: 'json', body };
}
