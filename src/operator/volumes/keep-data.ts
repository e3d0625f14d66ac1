import type { Log } from '../../model/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { isLetGo, keptBy } from '../../model/needed-data.ts';
import { KEEP } from '../../model/well-known.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import type { NeededData } from './needed-data.ts';
import { keepFor, STOP_KEEPING } from './volume-store.ts';
import { unlessGone } from '../../kube/find.ts';
import { subjectOf } from '../../kube/subject.ts';

export interface KeepDataDeps {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly informers: Informers;
  readonly needed: NeededData;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
}

/**
 * Looks after data that stays though its LocalVolume is being deleted. A volume that somebody deleted by hand, or with
 * its whole kind, and not through CSI, is kept while a PersistentVolume refers to it. One that CSI let go is kept while
 * snapshots or copies need it. An Event says so; when nothing keeps a volume any more, its agent may remove it. Works
 * until aborted.
 */
export async function keepDeletedData(deps: KeepDataDeps, signal: AbortSignal): Promise<void> {
  const { informers, needed, events, log } = deps;
  const { volumes, pvs } = informers;
  const kept = new Set<string>();
  const queue = createWorkQueue({
    name: 'kept data',
    log,
    reconcile: (name, stopping) => review(name, deps, stopping),
  });
  const look = (volume: LocalVolume): void => {
    const { name = '' } = volume.metadata;
    if (!isKept(volume)) return void kept.delete(name);
    const isNew = !kept.has(name);
    kept.add(name);
    const tell = isNew ? tellKept(volume, deps) : undefined;
    if (tell) events.record(tell);
    queue.add(name);
  };
  const lookAgain = (name: string): void => {
    if (kept.has(name)) queue.add(name);
  };

  if (!(await allSynced(informers, signal))) return;
  const leave = [
    volumes.subscribe({ changed: look, deleted: ({ metadata }) => void kept.delete(metadata.name ?? '') }),
    pvs.subscribe({ deleted: ({ facts }) => lookAgain(facts.handle) }),
    needed.onLess(lookAgain),
  ];
  await queue.run(signal);
  for (const stop of leave) stop();
}

/** Lets the data of one volume go if nothing keeps it; else the mark says what keeps it now. */
async function review(name: string, deps: KeepDataDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, needed, log } = deps;
  const { volumes } = informers;
  const volume = volumes.get(name);
  if (!volume || !isKept(volume)) return;
  const needing = needed.by(name);
  if (needing.length > 0 ? !isLetGo(volume) : isReferredTo(volume, informers)) return;
  const change = needing.length > 0 ? keepFor(keptBy(needing)) : STOP_KEEPING;
  if (volume.metadata.annotations?.[KEEP] === keptBy(needing)) return;
  const patched = await unlessGone(client.patch(LOCAL_VOLUMES, { name }, change, signal));
  if (!patched) return;
  volumes.wrote(patched);
  if (needing.length === 0)
    log.info({ volume: name }, 'nothing keeps the data of a deleted volume: its agent may remove it');
}

const isKept = ({ metadata }: LocalVolume): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.annotations?.[KEEP] !== undefined;

/**
 * Whether an object that CSI did not let go is still somebody's: a snapshot always, since only DeleteSnapshot says that
 * it is not.
 */
function isReferredTo(volume: LocalVolume, { pvs }: Pick<Informers, 'pvs'>): boolean {
  if (isLetGo(volume)) return false;
  if (volume.spec.role === 'Snapshot') return true;
  return pvs.ofHandle(volume.metadata.name ?? '').length > 0;
}

function tellKept(volume: LocalVolume, { informers, needed }: KeepDataDeps) {
  const { metadata, spec } = volume;
  const isNeeded = isLetGo(volume);
  if (isNeeded ? needed.by(metadata.name ?? '').length === 0 : !isReferredTo(volume, informers)) return undefined;
  const what = isNeeded
    ? `The data is ${metadata.annotations?.[KEEP]}: it is removed, and its room is free, with the last that needs it.`
    : `The data is that of ${ownerOf(spec)} and stays: the volume goes on serving, and goes when ${ownerOf(spec)} is deleted.`;
  return {
    subject: subjectOf(LOCAL_VOLUMES, metadata),
    type: isNeeded ? 'Normal' : 'Warning',
    reason: 'DataKept' satisfies EventReason,
    message: what,
  } as const;
}

function ownerOf({ role, claim }: LocalVolume['spec']): string {
  if (role === 'Snapshot') return 'a VolumeSnapshot';
  return claim ? `the claim ${claim.namespace}/${claim.name}` : 'a PersistentVolume';
}
