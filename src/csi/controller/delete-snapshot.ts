import { Fault } from '../../model/fault.ts';
import type { Trace, Traces, Volumes } from '../ports.ts';
import { deleteUnlessNeeded, type DeleteNeededDeps } from './delete-needed.ts';

export interface DeleteSnapshotDeps extends DeleteNeededDeps {
  readonly volumes: DeleteNeededDeps['volumes'] & Pick<Volumes, 'find'>;
  readonly traces: Traces;
}

/**
 * Removes the snapshot; what mounts it or is being copied from it keeps its data for as long. One that is not known is
 * gone, unless a node has a logical volume of its name. Throws Fault: `invalid`, as the CSI specification has it, for a
 * part of a group snapshot; `precondition` for what is no snapshot, what another content has besides, and data without
 * a record; `unavailable`; `aborted` when the same call, repeated, will find it settled.
 */
export async function deleteSnapshot(id: string, deps: DeleteSnapshotDeps, signal: AbortSignal): Promise<void> {
  const snapshot = await deps.volumes.find(id, signal);
  if (snapshot === undefined) return checkNothingLeft(id, deps, signal);
  if (snapshot.spec.role !== 'Snapshot')
    throw new Fault('precondition', `${id} is a volume on node ${snapshot.spec.nodeName}, not a snapshot`);
  const { groupSnapshot } = snapshot.spec;
  if (groupSnapshot !== undefined)
    throw new Fault(
      'invalid',
      `snapshot ${id} is part of group snapshot ${groupSnapshot}, and goes with it: delete the VolumeGroupSnapshot`,
    );
  await checkShared(id, deps.traces, signal);
  await deleteUnlessNeeded(snapshot, deps, signal);
}

/** A second VolumeSnapshotContent is how a snapshot is given to another namespace. */
async function checkShared(id: string, traces: Traces, signal: AbortSignal): Promise<void> {
  const names = await traces.snapshotKeptBy(id, signal);
  if (names.length === 0) return;
  throw new Fault(
    'precondition',
    `snapshot ${id} is left alone, since it is shared: VolumeSnapshotContent ${names.join(', ')} would lose its data. ` +
      'To let go of the one that is being deleted, set its deletionPolicy to Retain.',
  );
}

/**
 * A record can be taken away by a stripped finalizer, or with the whole kind. Throws Fault `precondition` for data of
 * this name that has none, and `unavailable` while the node cannot tell.
 */
export async function checkNothingLeft(id: string, { traces }: DeleteSnapshotDeps, signal: AbortSignal): Promise<void> {
  const trace = await traces.traceOf(id, signal);
  if (trace.kind === 'none') return;
  const place = (found: Trace & { kind: 'found' }): string =>
    'vgName' in found ? `${found.vgName}/${id}` : found.path;
  const what = trace.kind === 'found' ? `node ${trace.node} has ${place(trace)}.` : trace.what;
  throw new Fault(
    trace.kind === 'unknown' ? 'unavailable' : 'precondition',
    `snapshot ${id} has no LocalVolume any more, and its data may still be there: ${what} ` +
      'Remove that logical volume, or delete the VolumeSnapshotContent with deletionPolicy: Retain.',
  );
}
