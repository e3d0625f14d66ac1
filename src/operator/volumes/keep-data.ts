import type { Log } from '../../daemon/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { apiVersionOf, LOCAL_VOLUMES } from '../../kube/resource.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { LocalVolume } from '../../model/objects.ts';
import { HELD } from '../../model/well-known.ts';
import { whenAllSynced, type Informers } from '../follow/informers.ts';
import { LET_GO } from './volume-store.ts';

export interface LetGoDeps {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly informers: Informers;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
}

/**
 * Looks after volumes that somebody deleted by hand, or with their whole kind, and not through CSI: one that a PersistentVolume refers to stays
 * as it is, with an Event that says so; one that none refers to is let go, and its agent removes it. Works until aborted.
 */
export async function letGoOfDeleted(deps: LetGoDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, events, log } = deps;
  const { volumes, pvs } = informers;
  const held = new Set<string>();
  const queue = createWorkQueue({
    name: 'held volumes',
    log,
    reconcile: async (name, stopping) => {
      const volume = volumes.get(name);
      if (!volume || !isHeld(volume) || isReferredTo(name, pvs)) return;
      try {
        volumes.wrote(await client.patch(LOCAL_VOLUMES, { name }, LET_GO, stopping));
        log.info({ volume: name }, 'no PersistentVolume refers to a deleted volume: its agent may remove it');
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  });
  const look = (volume: LocalVolume): void => {
    const { name = '' } = volume.metadata;
    if (!isHeld(volume)) return void held.delete(name);
    const isNew = !held.has(name);
    held.add(name);
    if (isNew && isReferredTo(name, pvs)) events.record(tellHeld(volume));
    queue.add(name);
  };

  await whenAllSynced(informers, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  if (signal.aborted) return;
  const leave = [
    volumes.subscribe({ changed: look, deleted: ({ metadata }) => void held.delete(metadata.name ?? '') }),
    pvs.subscribe({
      deleted: ({ facts }) => {
        if (facts?.handle !== undefined && held.has(facts.handle)) queue.add(facts.handle);
      },
    }),
  ];
  await queue.run(signal);
  for (const stop of leave) stop();
}

const isHeld = ({ metadata }: LocalVolume): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.annotations?.[HELD] !== undefined;

/** Only asked for volumes that were deleted by hand: there is no need of an index. */
function isReferredTo(name: string, pvs: Pick<Informers['pvs'], 'values'>): boolean {
  for (const { facts } of pvs.values.values()) if (facts?.handle === name) return true;
  return false;
}

function tellHeld({ metadata: { name = '', uid }, spec: { claim } }: LocalVolume) {
  const owner = claim ? `the claim ${claim.namespace}/${claim.name}` : 'a PersistentVolume';
  return {
    subject: {
      apiVersion: apiVersionOf(LOCAL_VOLUMES),
      kind: LOCAL_VOLUMES.kind,
      name,
      ...(uid === undefined ? {} : { uid }),
    },
    type: 'Warning',
    reason: 'Held',
    message: `The data is that of ${owner} and stays: the volume goes on serving, and goes when ${owner} is deleted.`,
  } as const;
}
