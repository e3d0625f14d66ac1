import type { EventRecorder } from '../../kube/events/events.ts';
import type { KubeClient, Patch } from '../../kube/client.ts';
import { unlessGone } from '../../kube/find.ts';
import { LOCAL_VOLUMES, VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { createWorkQueue, type Again } from '../../kube/work/work-queue.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import { SNAPSHOT_CONTENT } from '../../model/well-known.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import type { Informers } from '../follow/informers.ts';
import type { SnapshotInformers } from '../follow/snapshot-sources.ts';
import type { NeededData } from './needed-data.ts';
import { STOP_KEEPING } from './volume-store.ts';

export interface OrphanSnapshotsDeps {
  readonly client: Pick<KubeClient, 'list' | 'patch' | 'delete'>;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly volumes: Informers['volumes'];
  readonly needed: NeededData;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Absent: the machine's. */
  readonly clock?: Clock;
}

/** Nobody asks any more; a call that was begun before ends within csi-snapshotter's --timeout, 60 s. */
const ALONE_MS = 120_000;

/**
 * Removes snapshots that csi-snapshotter asked for and then forgot: neither their VolumeSnapshot nor a
 * VolumeSnapshotContent is there, and none ever had them. (snapshot-controller takes the mark of a CreateSnapshot under
 * way off a VolumeSnapshotContent that it deletes, and may delete one before it has a finalizer.) A snapshot that a
 * content once had is left alone for good: its content may have been deleted with deletionPolicy Retain. So is one that
 * was there before this began, since its content may have come and gone while nobody looked; an Event says how it is
 * removed. To be called once all volumes are listed. Works until aborted.
 */
export async function removeOrphanSnapshots(
  deps: OrphanSnapshotsDeps,
  kinds: SnapshotInformers,
  signal: AbortSignal,
): Promise<void> {
  const { client, drivers, volumes, needed, log, clock = systemClock } = deps;
  const aloneSince = new Map<string, number>();
  /** By the names of snapshots that are not marked yet; a content that is gone again was there. */
  const contentOf = new Map<string, string>();
  const earlier = new Set<string>();

  const forget = (name: string): undefined => {
    aloneSince.delete(name);
    contentOf.delete(name);
  };
  const review = async (name: string, stopping: AbortSignal): Promise<Again | undefined> => {
    const volume = volumes.get(name);
    const uid = volume && unseenUid(volume);
    if (volume === undefined) return undefined;
    if (uid === undefined) return forget(name);
    const content = contentOf.get(name);
    if (content !== undefined) {
      const patched = await unlessGone(client.patch(LOCAL_VOLUMES, { name }, seenIn(content), stopping));
      if (patched) volumes.wrote(patched);
      return forget(name);
    }
    if (isAskedFor(uid, kinds) || needed.by(name).length > 0) {
      aloneSince.delete(name);
      return { afterMs: ALONE_MS };
    }
    const since = aloneSince.get(name) ?? clock.now();
    aloneSince.set(name, since);
    const leftMs = since + ALONE_MS - clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    if (await isKnownNow(client, { name, uid }, stopping)) return { afterMs: ALONE_MS };
    if (earlier.has(name)) tellOnly(volume, deps);
    else await remove(volume, deps, stopping);
    return void aloneSince.delete(name);
  };
  const queue = createWorkQueue({ name: 'snapshots of nobody', log, clock, reconcile: review });

  if (!(await bothSynced(kinds, signal))) return;
  for (const name of volumes.values.keys()) earlier.add(name);
  const leave = [
    kinds.contents.subscribe({
      changed: ({ name, driver, handle }) => {
        if (handle === '' || !drivers.includes(driver)) return;
        contentOf.set(handle, name);
        queue.add(handle);
      },
    }),
    volumes.subscribe({
      changed: (volume) => {
        if (unseenUid(volume) !== undefined) queue.add(volume.metadata.name ?? '');
      },
      deleted: ({ metadata }) => forget(metadata.name ?? ''),
    }),
  ];
  await queue.run(signal);
  for (const stop of leave) stop();
}

async function bothSynced({ snapshots, contents }: SnapshotInformers, signal: AbortSignal): Promise<boolean> {
  try {
    await Promise.all([snapshots.whenSynced(signal), contents.whenSynced(signal)]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}

const isAskedFor = (uid: string, { snapshots, contents }: SnapshotInformers): boolean =>
  [...snapshots.values.values(), ...contents.values.values()].some((one) => one.uid === uid);

function tellOnly({ metadata }: LocalVolume, { events }: OrphanSnapshotsDeps): void {
  const { name = '' } = metadata;
  events.record({
    subject: subjectOf(LOCAL_VOLUMES, metadata),
    type: 'Warning',
    reason: 'SnapshotOfNobody' satisfies EventReason,
    message: `Neither a VolumeSnapshot nor a VolumeSnapshotContent is there for this snapshot. It was made before this operator led, so it may be kept on purpose. If nobody needs its data: kubectl annotate lvol ${name} csi.aliyun.com/keep- && kubectl delete lvol ${name}`,
  });
}

async function remove(
  { metadata }: LocalVolume,
  { client, events, log }: OrphanSnapshotsDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name = '' } = metadata;
  log.info({ volume: name }, 'a snapshot that nobody asks for any more is removed');
  events.record({ subject: subjectOf(LOCAL_VOLUMES, metadata), ...TOLD });
  if (await unlessGone(client.patch(LOCAL_VOLUMES, { name }, STOP_KEEPING, signal)))
    await unlessGone(client.delete(LOCAL_VOLUMES, { name }, signal));
}

/** Asks the API server itself, since what is watched may be old, and data goes next. */
async function isKnownNow(
  client: OrphanSnapshotsDeps['client'],
  { name, uid }: { readonly name: string; readonly uid: string },
  signal: AbortSignal,
): Promise<boolean> {
  const contents = await client.list(VOLUME_SNAPSHOT_CONTENTS, {}, signal);
  const snapshots = await client.list(VOLUME_SNAPSHOTS, {}, signal);
  return (
    snapshots.items.some(({ metadata }) => metadata.uid === uid) ||
    contents.items.some(
      ({ spec, status }) =>
        spec?.volumeSnapshotRef?.uid === uid || [status?.snapshotHandle, spec?.source?.snapshotHandle].includes(name),
    )
  );
}

const AT_END = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The UID of the VolumeSnapshot for which csi-snapshotter asked for this one: it is the end of the name that it gives.
 * Undefined for what is no snapshot of CSI, for one that is deleted, and for one that some content had.
 */
function unseenUid({ metadata, spec }: LocalVolume): string | undefined {
  if (spec.role !== 'Snapshot' || metadata.deletionTimestamp !== undefined) return undefined;
  if (metadata.annotations?.[SNAPSHOT_CONTENT] !== '') return undefined;
  return AT_END.exec(spec.request?.name ?? '')?.[0];
}

const seenIn = (content: string): Patch => ({
  type: 'merge',
  body: { metadata: { annotations: { [SNAPSHOT_CONTENT]: content } } },
});

const TOLD = {
  type: 'Normal',
  reason: 'SnapshotOfNobody' satisfies EventReason,
  message:
    'No VolumeSnapshotContent ever had this snapshot, and its VolumeSnapshot is gone: the snapshot is removed, and its room is free.',
} as const;
