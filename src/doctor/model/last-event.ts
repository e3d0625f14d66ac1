import type { PersistentVolumeClaim } from '../../model/objects.ts';
import type { ClusterEvent } from './kinds.ts';

/**
 * The last of the events about one of these claims. An event outlives what it is about by an hour: one about an earlier
 * claim of the name is none of theirs.
 */
export function lastAbout(
  claims: readonly Pick<PersistentVolumeClaim, 'metadata'>[],
  events: readonly ClusterEvent[],
): ClusterEvent | undefined {
  const isOf = ({ involvedObject: about }: ClusterEvent): boolean =>
    about?.kind === 'PersistentVolumeClaim' &&
    claims.some(
      ({ metadata: { namespace, name, uid } }) =>
        about.namespace === namespace && about.name === name && (about.uid === undefined || about.uid === uid),
    );
  return events
    .filter(isOf)
    .toSorted((a, b) => (a.lastTimestamp ?? '').localeCompare(b.lastTimestamp ?? ''))
    .at(-1);
}
