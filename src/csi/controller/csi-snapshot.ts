import type { LocalVolume } from '../../model/local-volume.ts';
import { isLetGo } from '../../model/needed-data.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import type { Snapshot } from '../gen/csi.ts';
import type { Topology } from '../ports.ts';

/** A snapshot of CSI: taken, and not deleted as far as CSI was told. */
export const isSnapshot = (volume: LocalVolume): boolean =>
  volume.spec.role === 'Snapshot' &&
  volume.spec.restore !== undefined &&
  volume.status?.snapshot?.takenAt !== undefined &&
  !isLetGo(volume);

/**
 * The snapshot as CSI's callers know it. Its size is the least that a claim made from it may ask for, which
 * csi-provisioner sees to: docs/decisions/0015-what-a-snapshot-gives.md.
 */
export function toCsiSnapshot(volume: LocalVolume, { hostnameOf }: Pick<Topology, 'hostnameOf'>): Snapshot {
  const { metadata, spec, status } = volume;
  const { takenAt, overflowed = false } = status?.snapshot ?? {};
  return {
    snapshotId: metadata.name ?? '',
    sourceVolumeId: spec.source?.volume ?? '',
    sizeBytes: leastClaim(volume),
    creationTime: takenAt === undefined ? undefined : new Date(takenAt),
    readyToUse: status?.phase === 'Ready' && takenAt !== undefined && !overflowed,
    groupSnapshotId: spec.groupSnapshot ?? '',
    accessibleTopology: [{ segments: { [TOPOLOGY_KEY]: hostnameOf(spec.nodeName) } }],
  };
}

/** As it was recorded when the snapshot was taken, so that it stays when the source grows. In bytes. */
const leastClaim = ({ spec }: LocalVolume): bigint => BigInt(spec.request?.requiredBytes ?? 0);
