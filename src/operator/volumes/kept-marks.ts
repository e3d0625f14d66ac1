import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { find, unlessGone } from '../../kube/find.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import { UNTIL_DELETE_VOLUME } from '../../model/needed-data.ts';
import { lacksKeep, missingMarks } from '../../model/volume-marks.ts';
import { KEEP } from '../../model/well-known.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { allSynced, type Informers } from '../follow/informers.ts';

export interface KeptMarksDeps {
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly informers: Informers;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Absent: the machine's. */
  readonly clock?: Clock;
}

/** Whoever takes the mark off to delete the object next has done so by then. */
const SETTLED_MS = 60_000;

/**
 * Puts the mark that keeps data back on volumes from which somebody took it off while a claim has them, or they are to
 * be retained: DeleteVolume is not asked for such a one, and takes the mark off anew where it is. Without it the data
 * goes with the object, whoever deletes that. An Event tells. Works until aborted.
 */
export async function putKeepBack(deps: KeptMarksDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, events, log, clock = systemClock } = deps;
  const { volumes } = informers;
  const queue = createWorkQueue({
    name: 'marks that keep data',
    log,
    clock,
    reconcile: async (name, stopping) => {
      const volume = isSomebodys(name, deps) ? await find(client, LOCAL_VOLUMES, { name }, stopping) : undefined;
      if (!volume || !lacksKeep(volume)) return;
      const { resourceVersion } = volume.metadata;
      const body = { metadata: { resourceVersion, annotations: { [KEEP]: UNTIL_DELETE_VOLUME } } };
      const marked = await unlessGone(client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, stopping));
      if (!marked) return;
      volumes.wrote(marked);
      events.record(told(marked));
    },
  });
  if (!(await allSynced(informers, signal))) return;
  const leave = volumes.subscribe({
    changed: (volume) => {
      const { name = '' } = volume.metadata;
      if (mayLackKeep(volume) && isSomebodys(name, deps)) queue.addAfter(name, SETTLED_MS);
    },
  });
  await queue.run(signal);
  leave();
}

/** Of its labels a view has all where a mark is missing; this one is not among its annotations. */
const mayLackKeep = (view: LocalVolume): boolean =>
  view.metadata.labels !== undefined && missingMarks(view) === undefined;

/** Whether a PersistentVolume of ours says that the data stays. */
const isSomebodys = (name: string, { informers: { pvs }, drivers }: Pick<KeptMarksDeps, 'informers' | 'drivers'>) =>
  pvs.ofHandle(name).some(({ facts, keepsData }) => keepsData && drivers.includes(facts.driver));

const told = ({ metadata }: LocalVolume) =>
  ({
    subject: subjectOf(LOCAL_VOLUMES, metadata),
    type: 'Warning',
    reason: 'MarksPutBack' satisfies EventReason,
    message: `Put back what somebody took off the volume: its annotation ${KEEP}, without which its data would go with its object, whoever deletes that. Its PersistentVolume has it.`,
  }) as const;
