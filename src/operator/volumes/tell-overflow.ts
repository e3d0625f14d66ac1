import type { EventRecorder } from '../../kube/events/events.ts';
import type { KubeClient } from '../../kube/client.ts';
import { unlessGone } from '../../kube/find.ts';
import { VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { createWorkQueue } from '../../kube/work/work-queue.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { Log } from '../../model/log.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import type { Informers } from '../follow/informers.ts';
import type { SnapshotInformers } from '../follow/snapshot-sources.ts';

export interface TellOverflowDeps {
  readonly client: Pick<KubeClient, 'patch'>;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly volumes: Pick<Informers['volumes'], 'get' | 'subscribe'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Absent: the machine's. */
  readonly clock?: Clock;
}

const MESSAGE =
  'The snapshot overflowed: its store was full, its volume group had no room for it to grow, and what it held is lost. Its source is as it was. Delete it.';

/**
 * Tells of a snapshot that overflowed on its VolumeSnapshotContent, which is then not ready to use, and by Events there
 * and on its VolumeSnapshot: csi-snapshotter never asks again about one that was ready. Works until aborted.
 */
export async function tellOverflow(
  { client, drivers, volumes, events, log, clock = systemClock }: TellOverflowDeps,
  { contents }: Pick<SnapshotInformers, 'contents'>,
  signal: AbortSignal,
): Promise<void> {
  const contentOf = new Map<string, string>();
  const queue = createWorkQueue({
    name: 'overflowed snapshots',
    log,
    clock,
    reconcile: async (handle, stopping) => {
      const content = contents.get(contentOf.get(handle) ?? '');
      if (content?.ready !== true || volumes.get(handle)?.status?.snapshot?.overflowed !== true) return;
      const error = { message: MESSAGE, time: clock.date().toISOString() };
      const change = { type: 'merge', body: { status: { readyToUse: false, error } } } as const;
      const key = { name: content.name };
      const patched = await unlessGone(client.patch(VOLUME_SNAPSHOT_CONTENTS, key, change, stopping, 'status'));
      if (!patched) return;
      contents.wrote(patched);
      const [namespace = '', name = ''] = content.snapshot.split('/');
      for (const subject of [
        subjectOf(VOLUME_SNAPSHOT_CONTENTS, patched.metadata),
        subjectOf(VOLUME_SNAPSHOTS, { namespace, name, uid: content.uid }),
      ])
        events.record({ subject, type: 'Warning', reason: 'SnapshotLost' satisfies EventReason, message: MESSAGE });
    },
  });
  const leave = [
    contents.subscribe({
      changed: ({ name, driver, handle }) => {
        if (handle === '' || !drivers.includes(driver)) return;
        contentOf.set(handle, name);
        queue.add(handle);
      },
      deleted: ({ name, handle }) => {
        if (contentOf.get(handle) === name) contentOf.delete(handle);
      },
    }),
    volumes.subscribe({
      changed: ({ metadata, status }) => {
        if (status?.snapshot?.overflowed === true) queue.add(metadata.name ?? '');
      },
    }),
  ];
  await queue.run(signal);
  for (const stop of leave) stop();
}
