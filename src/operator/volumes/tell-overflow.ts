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
import type { ContentView } from '../follow/source-of-snapshot.ts';

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
 * Tells of a snapshot that overflowed on every VolumeSnapshotContent that has it, which is then not ready to use, and
 * by Events there and on its VolumeSnapshot: csi-snapshotter never asks again about one that was ready. Works until
 * aborted.
 */
export async function tellOverflow(
  deps: TellOverflowDeps,
  { contents }: Pick<SnapshotInformers, 'contents'>,
  signal: AbortSignal,
): Promise<void> {
  const { drivers, volumes, log, clock = systemClock } = deps;
  const queue = createWorkQueue({
    name: 'overflowed snapshots',
    log,
    clock,
    reconcile: async (handle, stopping) => {
      if (volumes.get(handle)?.status?.snapshot?.overflowed !== true) return;
      for (const content of [...contents.values.values()])
        if (content.ready && content.handle === handle && drivers.includes(content.driver))
          await tell(content, deps, contents, stopping);
    },
  });
  const leave = [
    contents.subscribe({
      changed: ({ driver, handle }) => {
        if (handle !== '' && drivers.includes(driver)) queue.add(handle);
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

async function tell(
  content: ContentView,
  { client, events, clock = systemClock }: TellOverflowDeps,
  contents: SnapshotInformers['contents'],
  signal: AbortSignal,
): Promise<void> {
  const error = { message: MESSAGE, time: clock.date().toISOString() };
  const change = { type: 'merge', body: { status: { readyToUse: false, error } } } as const;
  const key = { name: content.name };
  const patched = await unlessGone(client.patch(VOLUME_SNAPSHOT_CONTENTS, key, change, signal, 'status'));
  if (!patched) return;
  contents.wrote(patched);
  const [namespace = '', name = ''] = content.snapshot.split('/');
  for (const subject of [
    subjectOf(VOLUME_SNAPSHOT_CONTENTS, patched.metadata),
    subjectOf(VOLUME_SNAPSHOTS, { namespace, name, uid: content.uid }),
  ])
    events.record({ subject, type: 'Warning', reason: 'SnapshotLost' satisfies EventReason, message: MESSAGE });
}
