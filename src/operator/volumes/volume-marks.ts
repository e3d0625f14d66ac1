import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import { missingMarks, type MissingMarks } from '../../model/volume-marks.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { pause } from '../../wait/pause.ts';
import { allSynced, type Informers } from '../follow/informers.ts';

export interface VolumeMarksDeps {
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly informers: Informers;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
}

/**
 * Puts label and finalizer back on LocalVolumes from which somebody took them off. Without its label no agent hears of
 * a volume: it is not mounted, and not removed. Without its finalizer its object goes before its data does. An Event
 * tells. Works until aborted.
 */
export async function keepVolumeMarks(deps: VolumeMarksDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, log } = deps;
  const { volumes } = informers;
  const queue = createWorkQueue({
    name: 'marks of volumes',
    log,
    reconcile: async (name, stopping) => {
      const volume = await find(client, LOCAL_VOLUMES, { name }, stopping);
      const missing = volume && missingMarks(volume);
      if (!missing) return;
      const marked = await putMarksBack(client, volume, stopping);
      if (!marked) return;
      volumes.wrote(marked);
      tell(marked, missing, deps);
      await pause(PACE_MS, stopping);
    },
  });
  if (!(await allSynced(informers, signal))) return;
  const leave = volumes.subscribe({
    changed: (volume) => {
      const { name = '', labels } = volume.metadata;
      if (labels && missingMarks(volume)) queue.add(name);
    },
  });
  await queue.run(signal);
  leave();
}

/** Whoever takes them off again and again costs no more writes than one in this time. Ms. */
const PACE_MS = 100;

/**
 * The volume with its marks, as the API server has it then; undefined when it is gone. Throws a conflict when somebody
 * changed it meanwhile, and Fault `precondition` when a webhook takes them off what is written.
 */
export async function putMarksBack(
  client: Pick<KubeClient, 'patch'>,
  volume: LocalVolume,
  signal: AbortSignal,
): Promise<LocalVolume | undefined> {
  const missing = missingMarks(volume);
  if (!missing) return volume;
  const { name = '', resourceVersion } = volume.metadata;
  const body = { metadata: { ...missing, resourceVersion } };
  const marked = await unlessGone(client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, signal));
  if (marked && missingMarks(marked))
    throw new Fault(
      'precondition',
      `volume ${name} lacks its label ${NODE_LABEL} or its finalizer ${VOLUME_FINALIZER} also once they were written: ` +
        'see which mutating webhook or policy takes them off',
    );
  return marked;
}

function tell({ metadata, spec }: LocalVolume, { labels, finalizers }: MissingMarks, { events, log }: VolumeMarksDeps) {
  const what = [
    labels && `its label ${NODE_LABEL}, by which the agent of node ${spec.nodeName} finds it`,
    finalizers && `its finalizer ${VOLUME_FINALIZER}, without which its object would go and its data stay`,
  ].filter(Boolean);
  const message = `Put back what somebody took off the volume: ${what.join('; and ')}.`;
  const reason = 'MarksPutBack' satisfies EventReason;
  events.record({ subject: subjectOf(LOCAL_VOLUMES, metadata), type: 'Warning', reason, message });
  log.warn({ volume: metadata.name ?? '', node: spec.nodeName }, 'put back the label or finalizer of a volume');
}
