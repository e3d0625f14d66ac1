import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Traces, Volumes } from '../ports.ts';
import { lostRecord } from './local-volume.ts';
import { deleteUnlessNeeded, type DeleteNeededDeps } from './delete-needed.ts';
import { untilGone, untilMade } from './wait-for-agent.ts';

export interface DeleteVolumeDeps extends DeleteNeededDeps {
  readonly volumes: DeleteNeededDeps['volumes'] & Pick<Volumes, 'find' | 'create'>;
  readonly traces: Traces;
}

/**
 * Removes the volume; returns once its node has nothing of it, and never while its data is, or may be, there without
 * a record of it. What snapshots or copies need stays for them. Throws Fault: `precondition` for what is no volume of
 * CSI, or may be another's, or that another PersistentVolume has besides; `unavailable` while the node cannot tell;
 * `aborted` when the same call, repeated, will find it settled.
 */
export async function deleteVolume(id: string, deps: DeleteVolumeDeps, signal: AbortSignal): Promise<void> {
  const volume = (await deps.volumes.find(id, signal)) ?? (await findUnrecorded(id, deps, signal));
  if (volume === undefined) return;
  checkRole(id, volume);
  checkShared(id, deps.traces);
  await deleteUnlessNeeded(volume, deps, signal);
}

function checkRole(id: string, { spec }: LocalVolume): void {
  if (spec.role === 'Ephemeral')
    throw new Fault('precondition', `${id} is an inline volume on node ${spec.nodeName}: it goes with its pod`);
  if (spec.role === 'Snapshot')
    throw new Fault('precondition', `${id} is a snapshot on node ${spec.nodeName}, not a volume`);
}

/** The call names no PersistentVolume: the one that is deleted is none of those whose data stays. */
function checkShared(id: string, traces: Traces): void {
  const names = traces.keptBy(id);
  if (names.length === 0) return;
  const whose =
    names.length === 1 ? `PersistentVolume ${names[0]} has it` : `PersistentVolumes ${names.join(', ')} have it`;
  throw new Fault(
    'precondition',
    `the data of volume ${id} is left alone: ${whose} too, and a claim uses it there or it is to be retained. ` +
      'To let go of the PersistentVolume that is being deleted, set its persistentVolumeReclaimPolicy to Retain.',
  );
}

/**
 * A volume whose record was taken away, by a stripped finalizer or with the whole kind. Its record is made anew, and
 * the agent looks whether the logical volume is ours, or the mount point empty: only then is it Ready.
 */
async function findUnrecorded(
  id: string,
  deps: DeleteVolumeDeps,
  signal: AbortSignal,
): Promise<LocalVolume | undefined> {
  const trace = await deps.traces.traceOf(id, signal);
  if (trace.kind === 'none') return undefined;
  const missing = `volume ${id} has no LocalVolume any more`;
  if (trace.kind !== 'found') {
    const kind = trace.kind === 'unknown' ? 'unavailable' : 'precondition';
    throw new Fault(kind, `${missing}, and its data may still be there: ${trace.what} ${LET_GO}`);
  }
  const made = await deps.volumes.create(lostRecord(id, trace), signal);
  const outcome = await untilMade(made, deps, signal);
  if (outcome.kind === 'ready') return outcome.volume;
  if (outcome.kind === 'gone') throw new Fault('aborted', `${missing}; the one made for its removal was deleted`);
  const { message = 'no reason given' } = outcome.volume.status ?? {};
  await deps.volumes.remove(id, signal);
  await untilGone(outcome.volume, deps, signal);
  throw new Fault('precondition', `${missing}, and node ${trace.node} cannot remove it: ${message} ${LET_GO}`);
}

/** What a person can do who knows better; it touches no data. */
const LET_GO = 'To let go of the volume without touching data, set persistentVolumeReclaimPolicy: Retain.';
