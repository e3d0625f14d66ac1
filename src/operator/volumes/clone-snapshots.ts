import type { Log } from '../../model/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import { unlessGone } from '../../kube/find.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import { cloneSnapshotId, isTemporary } from '../../model/copies.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { allSynced, type Informers } from '../follow/informers.ts';

export interface CloneSnapshotsDeps {
  readonly client: Pick<KubeClient, 'delete'>;
  readonly informers: Informers;
  readonly log: Log;
  /** Absent: the machine's. */
  readonly clock?: Clock;
}

/**
 * CreateVolume records a clone's snapshot before the clone. If it was cut in between and nobody asks again, the
 * snapshot is nobody's.
 */
const ORPHAN_MS = 600_000;

/** Removes the temporary snapshot of each clone that is whole or gone. Works until aborted. */
export async function removeCloneSnapshots(deps: CloneSnapshotsDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, log, clock = systemClock } = deps;
  const { volumes } = informers;
  const clones = new Map<string, string>();
  const ended = new Set<string>();
  const aloneSince = new Map<string, number>();

  const mayGo = (name: string): boolean => {
    const clone = volumes.get(clones.get(name) ?? '');
    if (clone) return clone.status?.phase === 'Ready';
    const since = aloneSince.get(name) ?? clock.now();
    aloneSince.set(name, since);
    return ended.has(name) || clock.now() - since >= ORPHAN_MS;
  };
  const queue = createWorkQueue({
    name: 'snapshots of clones',
    log,
    clock,
    reconcile: async (name, stopping) => {
      const snapshot = volumes.get(name);
      if (!snapshot || !isTemporary(snapshot) || snapshot.metadata.deletionTimestamp !== undefined) return undefined;
      if (!mayGo(name)) return aloneSince.has(name) ? { afterMs: ORPHAN_MS } : undefined;
      await unlessGone(client.delete(LOCAL_VOLUMES, { name }, stopping));
      return undefined;
    },
  });
  const look = (volume: LocalVolume): void => {
    const { name = '' } = volume.metadata;
    if (isTemporary(volume)) return queue.add(name);
    if (volume.spec.source?.volume === undefined) return undefined;
    clones.set(cloneSnapshotId(name), name);
    ended.delete(cloneSnapshotId(name));
    return queue.add(cloneSnapshotId(name));
  };
  const forget = (volume: LocalVolume): void => {
    const { name = '' } = volume.metadata;
    for (const known of [clones, ended, aloneSince]) if (isTemporary(volume)) known.delete(name);
    if (!isTemporary(volume) && volume.spec.source?.volume !== undefined) {
      const snapshot = cloneSnapshotId(name);
      // A clone of the same name may be asked for again, whose snapshot is another.
      if (volumes.get(snapshot)) ended.add(snapshot);
      queue.add(snapshot);
    }
  };

  if (!(await allSynced(informers, signal))) return;
  const leave = volumes.subscribe({ changed: look, deleted: forget });
  await queue.run(signal);
  leave();
}
