import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { ListSnapshotsRequest, ListSnapshotsResponse, Snapshot } from '../gen/csi.ts';
import type { Topology, Volumes } from '../ports.ts';
import { isSnapshot, toCsiSnapshot } from './csi-snapshot.ts';
import type { Pager } from './page-token.ts';

export interface ListSnapshotsDeps {
  readonly volumes: Pick<Volumes, 'all' | 'heard' | 'find'>;
  readonly topology: Pick<Topology, 'hostnameOf'>;
}

/**
 * The snapshots, all or those of one id or of one volume, in the order of their ids; none for an id that is not known.
 * Throws Fault `invalid` and `aborted` as `Pager` says.
 */
export function listSnapshots(
  request: ListSnapshotsRequest,
  { volumes, topology, pages }: ListSnapshotsDeps & { readonly pages: Pager },
): ListSnapshotsResponse {
  const { snapshotId, sourceVolumeId } = request;
  const known = snapshotId === '' ? volumes.all() : [volumes.heard(snapshotId)].filter((one) => one !== undefined);
  const isAsked = (volume: LocalVolume): boolean =>
    isSnapshot(volume) && (sourceVolumeId === '' || volume.spec.source?.volume === sourceVolumeId);
  const items = [...known].filter(isAsked).map((one): [string, LocalVolume] => [one.metadata.name ?? '', one]);
  const { entries, nextToken } = pages(`snapshots ${snapshotId}\0${sourceVolumeId}`, items, request);
  return { entries: entries.map((volume) => ({ snapshot: toCsiSnapshot(volume, topology) })), nextToken };
}

/** Throws Fault `not-found`. */
export async function getSnapshot(
  id: string,
  { volumes, topology }: ListSnapshotsDeps,
  signal: AbortSignal,
): Promise<Snapshot> {
  const found = await volumes.find(id, signal);
  if (found && isSnapshot(found)) return toCsiSnapshot(found, topology);
  throw new Fault('not-found', `there is no snapshot ${id}`);
}
