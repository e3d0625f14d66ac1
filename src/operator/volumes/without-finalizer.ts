import type { Patch } from '../../kube/client.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { VOLUME_FINALIZER } from '../../model/well-known.ts';

/**
 * Lets the object go without its agent. Fails when the object is another one, or its finalizers have changed; with
 * `unchanged`, when anything has. Undefined when our finalizer is not among them.
 */
export function withoutFinalizer({ metadata }: LocalVolume, { unchanged = false } = {}): Patch | undefined {
  const at = metadata.finalizers?.indexOf(VOLUME_FINALIZER) ?? -1;
  if (at < 0) return undefined;
  const path = `/metadata/finalizers/${at}`;
  const body = [
    { op: 'test', path: '/metadata/uid', value: metadata.uid },
    ...(unchanged ? [{ op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion }] : []),
    { op: 'test', path, value: VOLUME_FINALIZER },
    { op: 'remove', path },
  ];
  return { type: 'json', body };
}
