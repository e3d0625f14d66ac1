import type { Log } from '../../model/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { KEEP } from '../../model/well-known.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import { STOP_KEEPING } from './volume-store.ts';
import { unlessGone } from '../../kube/find.ts';
import { subjectOf } from '../../kube/subject.ts';

export interface KeepDataDeps {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly informers: Informers;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
}

/**
 * Looks after volumes that somebody deleted by hand, or with their whole kind, and not through CSI. While a
 * PersistentVolume refers to such a volume, its data is kept and an Event says so; when none does, its agent may remove
 * it. Works until aborted.
 */
export async function keepDeletedData(deps: KeepDataDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, events, log } = deps;
  const { volumes, pvs } = informers;
  const kept = new Set<string>();
  const queue = createWorkQueue({
    name: 'kept data',
    log,
    reconcile: async (name, stopping) => {
      const volume = volumes.get(name);
      if (!volume || !isKept(volume) || isReferredTo(name, pvs)) return;
      const patched = await unlessGone(client.patch(LOCAL_VOLUMES, { name }, STOP_KEEPING, stopping));
      if (!patched) return;
      volumes.wrote(patched);
      log.info({ volume: name }, 'no PersistentVolume refers to a deleted volume: its agent may remove it');
    },
  });
  const look = (volume: LocalVolume): void => {
    const { name = '' } = volume.metadata;
    if (!isKept(volume)) return void kept.delete(name);
    const isNew = !kept.has(name);
    kept.add(name);
    if (isNew && isReferredTo(name, pvs)) events.record(tellKept(volume));
    queue.add(name);
  };

  if (!(await allSynced(informers, signal))) return;
  const leave = [
    volumes.subscribe({ changed: look, deleted: ({ metadata }) => void kept.delete(metadata.name ?? '') }),
    pvs.subscribe({
      deleted: ({ facts }) => {
        if (kept.has(facts.handle)) queue.add(facts.handle);
      },
    }),
  ];
  await queue.run(signal);
  for (const stop of leave) stop();
}

const isKept = ({ metadata }: LocalVolume): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.annotations?.[KEEP] !== undefined;

/**
 * Whether a PersistentVolume has this handle. Looks through all of them: it is called for the few volumes without CSI.
 */
export function isReferredTo(name: string, pvs: Pick<Informers['pvs'], 'values'>): boolean {
  for (const { facts } of pvs.values.values()) if (facts.handle === name) return true;
  return false;
}

function tellKept({ metadata, spec: { claim } }: LocalVolume) {
  const owner = claim ? `the claim ${claim.namespace}/${claim.name}` : 'a PersistentVolume';
  return {
    subject: subjectOf(LOCAL_VOLUMES, metadata),
    type: 'Warning',
    reason: 'DataKept' satisfies EventReason,
    message: `The data is that of ${owner} and stays: the volume goes on serving, and goes when ${owner} is deleted.`,
  } as const;
}
