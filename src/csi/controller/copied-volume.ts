import { bytes, formatBytes, minus, GIB, type Bytes } from '../../model/bytes.ts';
import { cloneSnapshotId, filesystemOn } from '../../model/copies.ts';
import { headerOf } from '../../model/encryption.ts';
import { Fault } from '../../model/fault.ts';
import { filesystemType } from '../../model/filesystem-type.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { volumeLabels } from '../../model/node-label.ts';
import { present } from '../../model/present.ts';
import { storeOfClone } from '../../model/snapshot-store.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import { VOLUME_FINALIZER } from '../../model/well-known.ts';
import type { Room, Volumes } from '../ports.ts';
import { checkServes } from './mount-snapshot.ts';
import type { WantedVolume } from './wanted-volume.ts';

/** A volume that is filled from a snapshot or another volume, as it is to be placed and recorded. */
export interface WantedCopy {
  readonly wanted: WantedVolume;
  /** All that the source has, in bytes: the copy cannot be smaller. */
  readonly sourceBytes: Bytes;
}

/**
 * What a copy is to be: on its source's node, with its source's filesystem, in any group there. Throws Fault:
 * `precondition` for a source that is deleted, not ready or overflowed, `invalid` for what cannot be copied, or not so,
 * and `exhausted` when another node is asked for.
 */
export function wantedCopy(wanted: WantedVolume, source: LocalVolume): WantedCopy {
  const { metadata, spec } = source;
  const what = `${spec.role === 'Snapshot' ? 'snapshot' : 'volume'} ${metadata.name}`;
  checkKinds(what, wanted, source);
  const sourceBytes = bytes(readableBytes(what, source));
  if (wanted.nodes && !wanted.nodes.includes(spec.nodeName))
    throw new Fault('exhausted', `${what} is on node ${spec.nodeName}, and is copied there alone`);
  const fsType = filesystemOf(what, wanted, source);
  const { usage, size } = wanted;
  return {
    sourceBytes,
    wanted: {
      ...wanted,
      usage: { ...usage, ...present({ fsType }) },
      nodes: [spec.nodeName],
      size: size < sourceBytes && mayBeRaised(wanted, source) ? sourceBytes : size,
    },
  };
}

/** Whoever asks for what the snapshot tells as its size gets all of it, in groups with other extents too. */
const mayBeRaised = ({ asked }: WantedVolume, { spec }: LocalVolume): boolean =>
  asked.required === undefined ||
  (spec.role === 'Snapshot' && asked.required >= (spec.request?.requiredBytes ?? Infinity));

function checkKinds(what: string, { policy }: WantedVolume, { metadata, spec }: LocalVolume): void {
  if (spec.kind !== 'LVM')
    throw new Fault('invalid', `${what} is a whole ${spec.kind}: only volumes of volumeType LVM can be copied`);
  if (policy.kind !== 'LVM')
    throw new Fault(
      'invalid',
      `${what} is copied onto LVM alone: use a StorageClass of volumeType LVM, not ${policy.kind}`,
    );
  if (spec.readOnly)
    throw new Fault(
      'invalid',
      `${what} is the snapshot ${spec.source?.snapshot} itself, mounted read-only: clone the volume that it was taken of`,
    );
  if (spec.role === 'Ephemeral')
    throw new Fault('invalid', `${metadata.name} is an inline volume: it goes with its pod`);
}

/**
 * The size that is copied. A volume that is to grow may do so before its snapshot is taken, which then shows all of it.
 * Throws Fault `precondition` unless it can be read now.
 */
function readableBytes(what: string, source: LocalVolume): number {
  const { metadata, spec, status } = source;
  if (spec.role === 'Snapshot') {
    checkServes(source);
    return status?.snapshot?.sourceBytes ?? 0;
  }
  if (metadata.deletionTimestamp !== undefined) throw new Fault('precondition', `${what} is being deleted`);
  if (status?.phase === 'Ready' && status.sizeBytes !== undefined) return Math.max(status.sizeBytes, spec.sizeBytes);
  throw new Fault('precondition', `${what} is not ready to be cloned: ${status?.message ?? 'it is being made'}`);
}

/** A copy has its source's filesystem; undefined for a raw device. Throws Fault `invalid` when another is asked. */
function filesystemOf(what: string, { usage }: WantedVolume, source: LocalVolume): string | undefined {
  const has = filesystemOn(source);
  if (usage.block && has !== undefined)
    throw new Fault('invalid', `${what} has the filesystem ${has}: a copy has it too, so use volumeMode Filesystem`);
  if (usage.block) return undefined;
  const wanted = filesystemType(usage.fsType ?? has ?? '');
  if (has === undefined || filesystemType(has) === wanted) return wanted;
  throw new Fault(
    'invalid',
    `${what} has the filesystem ${has}, and a copy has it too: use a StorageClass with ${has}, not ${wanted}`,
  );
}

/** Throws Fault `out-of-range` when a place of so many bytes, in whole extents, is too small for the source. */
export function checkHolds(size: Bytes, sourceBytes: Bytes, { source, policy }: WantedVolume): void {
  if (size >= sourceBytes) return;
  const [has, asked] = [sourceBytes, size].map((whole) => formatBytes(minus(whole, headerOf(policy.encryption))));
  const what = source?.snapshot === undefined ? `volume ${source?.volume}` : `snapshot ${source.snapshot}`;
  throw new Fault('out-of-range', `${what} has ${has}: ask for no less, not ${asked}`);
}

const STORE = { thresholdPercent: 50, stepBytes: GIB };

/**
 * Sees to a clone's temporary snapshot: takes the room of its store, beside its source, and records it. One that an
 * earlier try left is used. Throws Fault `exhausted` without room, and what `Volumes.create` throws.
 */
export async function makeCloneSnapshot(
  clone: string,
  source: LocalVolume,
  { volumes, room }: { readonly volumes: Volumes; readonly room: Room },
  signal: AbortSignal,
): Promise<string> {
  const id = cloneSnapshotId(clone);
  const earlier = await volumes.find(id, signal);
  if (
    earlier?.metadata.deletionTimestamp !== undefined ||
    (earlier && earlier.spec.source?.volume !== source.metadata.name)
  )
    throw new Fault('aborted', `snapshot ${id} of an earlier clone is being removed: ask again`);
  if (earlier) return id;
  const snapshot = newSnapshot(id, source, placeStore(id, source, room));
  try {
    await volumes.create(snapshot, signal);
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'aborted')) room.unplace(id);
    throw error;
  }
  return id;
}

function placeStore(id: string, { metadata, spec, status }: LocalVolume, room: Room): Bytes {
  const size = storeOfClone(bytes(Math.max(status?.sizeBytes ?? 0, spec.sizeBytes)));
  const policy: VolumePolicy = { kind: 'LVM', vgName: spec.vgName ?? '', layout: 'linear', limits: {} };
  const placed = room.place({ name: id, policy, size, nodes: [spec.nodeName] });
  if (placed.ok) return placed.placement.size;
  const { largest } = room.capacity(policy, spec.nodeName);
  throw new Fault(
    'exhausted',
    `no clone of volume ${metadata.name}: while it is copied, a snapshot of it needs ${formatBytes(size)} in volume ` +
      `group ${spec.vgName} of node ${spec.nodeName}, which has ${formatBytes(largest)} that no volume takes`,
  );
}

/** A clone is gone or whole before anybody could keep its snapshot, so nothing is marked to be kept. */
const newSnapshot = (id: string, source: LocalVolume, size: Bytes): LocalVolume => ({
  metadata: { name: id, labels: volumeLabels(source.spec.nodeName), finalizers: [VOLUME_FINALIZER] },
  spec: {
    nodeName: source.spec.nodeName,
    kind: 'LVM',
    ...present({ vgName: source.spec.vgName, fsType: filesystemOn(source), encryption: source.spec.encryption }),
    sizeBytes: size,
    role: 'Snapshot',
    source: { volume: source.metadata.name ?? '' },
    copyOnWrite: STORE,
  },
});
