import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeGroupSnapshot } from '../gen/csi.ts';
import type { Topology } from '../ports.ts';
import { toCsiSnapshot } from './csi-snapshot.ts';

/** The snapshots that are part of a group snapshot, in whatever state, in the order of their ids. */
export const membersOf = (id: string, volumes: Iterable<LocalVolume>): readonly LocalVolume[] =>
  [...volumes]
    .filter(({ spec }) => spec.groupSnapshot === id)
    .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));

/** The id of the volume that a snapshot is taken of. */
export const sourceOf = ({ spec }: LocalVolume): string => spec.source?.volume ?? '';

/**
 * Throws Fault `invalid` for a list of snapshots that is not this group's. `gone`: snapshots that are no more may be
 * named besides.
 */
export function checkSnapshotIds(
  id: string,
  snapshotIds: readonly string[],
  members: readonly LocalVolume[],
  { gone = false } = {},
): void {
  if (snapshotIds.length === 0) return;
  const known = members.map(({ metadata }) => metadata.name ?? '');
  const unnamed = known.filter((one) => !snapshotIds.includes(one));
  const strange = gone ? [] : snapshotIds.filter((one) => !known.includes(one));
  const both = [...strange.map((one) => `${one} is none of them`), ...unnamed.map((one) => `${one} is missing`)];
  if (both.length === 0) return;
  throw new Fault('invalid', `snapshot_ids are not those of group snapshot ${id}: ${both.join(', ')}`);
}

/** The group snapshot as CSI's callers know it. All its snapshots are of one moment; their nodes' clocks tell when. */
export function toCsiGroupSnapshot(
  id: string,
  members: readonly LocalVolume[],
  topology: Pick<Topology, 'hostnameOf'>,
): VolumeGroupSnapshot {
  const snapshots = members.map((member) => toCsiSnapshot(member, topology));
  const times = snapshots.flatMap(({ creationTime }) => creationTime?.getTime() ?? []);
  const all = members[0]?.spec.groupSources?.length ?? 0;
  return {
    groupSnapshotId: id,
    snapshots,
    creationTime: times.length === 0 ? undefined : new Date(Math.min(...times)),
    readyToUse: snapshots.length === all && snapshots.every(({ readyToUse }) => readyToUse),
  };
}
