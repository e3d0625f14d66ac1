import type { EventRecorder } from '../../kube/events/events.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import { repeat } from '../../daemon/repeat.ts';
import { allSynced, type Informers } from '../follow/informers.ts';
import type { StorageView } from '../follow/views.ts';

export interface UnseenVolumesDeps {
  readonly informers: Pick<Informers, 'volumes' | 'storages'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Told after each look how many volumes no report shows. */
  readonly onLooked: (unseen: number) => void;
}

/** Looks every `everyMs` until aborted, once everything was heard. */
export async function watchUnseenVolumes(
  deps: Omit<UnseenVolumesDeps, 'informers'> & { readonly informers: Informers; readonly everyMs: number },
  signal: AbortSignal,
): Promise<void> {
  const { informers, everyMs, log, onLooked } = deps;
  if (!(await allSynced(informers, signal))) return;
  const onError = (err: unknown): void => log.error({ err }, 'looking for volumes that no report shows failed');
  await repeat(everyMs, createUnseenVolumes(deps), onError, signal);
  onLooked(0); // another replica counts from now on
}

/**
 * Returns a look for volumes that are Ready and that their node's report does not show. Their agent would have told:
 * that it did not is a fault of ours, or of whoever writes these objects. A volume is told of at the second look in a
 * row, since its report follows a moment after Ready, and once.
 */
export function createUnseenVolumes({ informers, events, log, onLooked }: UnseenVolumesDeps): () => void {
  let suspected = new Set<string>();
  let told = new Set<string>();
  return () => {
    const unseen = [...informers.volumes.values.values()].filter((volume) =>
      isUnseen(volume, informers.storages.get(volume.spec.nodeName)),
    );
    const sure = unseen.filter(({ metadata }) => suspected.has(metadata.uid ?? ''));
    for (const { metadata, spec } of sure) {
      if (told.has(metadata.uid ?? '')) continue;
      const message = `The volume is Ready, and node ${spec.nodeName} does not report logical volume ${spec.vgName}/${metadata.name}: look there with lvs, and at the agent's log.`;
      events.record({
        subject: subjectOf(LOCAL_VOLUMES, metadata),
        type: 'Warning',
        reason: 'VolumeUnseen',
        message,
      });
      log.error({ volume: metadata.name ?? '', node: spec.nodeName }, 'no report shows a volume that is Ready');
    }
    suspected = new Set(unseen.map(({ metadata }) => metadata.uid ?? ''));
    told = new Set(sure.map(({ metadata }) => metadata.uid ?? ''));
    onLooked(sure.length);
  };
}

/**
 * Whether the volume must be in the report, and is not. A group that the node reports and nobody manages is kept
 * without its volumes, and a volume that mounts a snapshot as it is has no logical volume.
 */
export function isUnseen({ metadata, spec, status }: LocalVolume, node: StorageView | undefined): boolean {
  if (spec.kind !== 'LVM' || spec.readOnly === true || spec.vgName === undefined) return false;
  if (status?.phase !== 'Ready' || metadata.deletionTimestamp !== undefined) return false;
  if (!node || node.lost !== undefined || Object.keys(node.disks).length === 0) return false;
  const group = node.storage.groups.find(({ name }) => name === spec.vgName);
  if (!group) return !(spec.vgName in node.disks);
  return !group.volumes.some(({ name }) => name === metadata.name);
}
