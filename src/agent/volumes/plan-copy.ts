import { bytes, formatBytes, type Bytes } from '../../model/bytes.ts';
import { copySourceId } from '../../model/copies.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import { mapperUuidOf, volumeDevicePath } from '../../lvm/names.ts';
import type { LvmGroup } from '../../lvm/report.ts';
import type { VolumeRef } from '../../lvm/lvm.ts';
import { findVolume } from './find-group.ts';
import type { InGroup } from './volume-step.ts';

/** What a volume that is made from a snapshot or another volume needs once its own logical volume is there. */
export type CopyPlan =
  /** Its source is not there yet: it is looked at again when that changes. */
  | { readonly kind: 'wait'; readonly message: string }
  | { readonly kind: 'refuse'; readonly reason: VolumeReason; readonly message: string }
  /** The source's device is not there, as after a boot. */
  | { readonly kind: 'activate'; readonly source: Required<VolumeRef> }
  | {
      readonly kind: 'copy';
      readonly source: CopyEnd;
      readonly target: CopyEnd;
      readonly size: Bytes;
      /** So much was copied onto this very logical volume before. */
      readonly from: Bytes;
    };

/** A device, and what device-mapper gave it for good. */
export interface CopyEnd {
  readonly device: string;
  readonly mapperUuid: string;
}

/**
 * From which device a volume is filled, and from which byte on. A copy that was begun goes on only on the logical
 * volume that it was begun on. `heard` gives another LocalVolume of this node.
 */
export function planCopy(
  volume: LocalVolume,
  target: Required<InGroup> & { readonly sizeBytes: number },
  groups: readonly LvmGroup[],
  heard: (name: string) => LocalVolume | undefined,
): CopyPlan {
  const id = copySourceId(volume) ?? '';
  const snapshot = heard(id);
  if (!snapshot || snapshot.metadata.deletionTimestamp !== undefined) return missing(volume, id);
  const size = sizeOf(snapshot);
  if (typeof size !== 'number') return size;
  if (size > target.sizeBytes) return refuse('SourceFailed', showsMore(id, size, bytes(target.sizeBytes)));
  const source = findSource(id, snapshot, groups);
  if ('kind' in source) return source;
  const { vgName = '' } = volume.spec;
  return {
    kind: 'copy',
    source: endOf(source),
    target: endOf({ ...target, vgName, name: volume.metadata.name ?? '' }),
    size,
    from: copiedOnto(volume, target.uuid),
  };
}

/** The snapshot's own logical volume, with its device. */
function findSource(name: string, snapshot: LocalVolume, groups: readonly LvmGroup[]): Required<VolumeRef> | CopyPlan {
  const found = findVolume(snapshot, groups);
  const group = groups.find(({ volumes }) => found && volumes.includes(found));
  if (!found || !group)
    return refuse('SourceMissing', `Snapshot ${name} is not in volume group ${snapshot.spec.vgName}.`);
  const source = { vgName: group.name, vgUuid: group.uuid, name, uuid: found.uuid };
  return found.active === false ? { kind: 'activate', source } : source;
}

/** How much the snapshot shows, or why it cannot be copied, or not yet. */
function sizeOf({ metadata: { name: id }, status }: LocalVolume): Bytes | CopyPlan {
  const { phase, message = 'it is being taken', snapshot: taken } = status ?? {};
  if (taken?.overflowed) return refuse('SourceFailed', `Snapshot ${id} overflowed: what it showed is lost.`);
  if (phase === 'Failed') return refuse('SourceMissing', `Snapshot ${id} is not there: ${message}`);
  if (phase !== 'Ready' || !taken?.sourceBytes)
    return { kind: 'wait', message: `Waits for snapshot ${id}: ${message}` };
  return bytes(taken.sourceBytes);
}

/** Its source grew after the room of the copy was chosen. CreateVolume begins a clone anew for that reason. */
const showsMore = (id: string, size: Bytes, room: Bytes): string =>
  `Snapshot ${id} shows ${formatBytes(size)}, and this volume has ${formatBytes(room)}: it needs a larger one.`;

/** A clone's snapshot is made after the clone; one of a person's is there before anything is made from it. */
const missing = ({ spec }: LocalVolume, id: string): CopyPlan =>
  spec.source?.volume === undefined
    ? refuse('SourceMissing', `Snapshot ${id} is not on this node any more: this volume cannot be made from it.`)
    : { kind: 'wait', message: `Waits for snapshot ${id} of volume ${spec.source.volume}.` };

/** Bytes from the start that an earlier try told of. */
const copiedOnto = ({ status = {} }: LocalVolume, uuid: string): Bytes =>
  bytes(status.volumeUuid === uuid ? (status.copiedBytes ?? 0) : 0);

const endOf = ({ vgName, vgUuid, name, uuid }: Required<VolumeRef>): CopyEnd => ({
  device: volumeDevicePath(vgName, name),
  mapperUuid: mapperUuidOf(vgUuid, uuid),
});

const refuse = (reason: VolumeReason, message: string): CopyPlan => ({ kind: 'refuse', reason, message });
