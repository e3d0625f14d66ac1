import { bytes } from '../../model/bytes.ts';
import { describeLimits } from '../../model/describe-limits.ts';
import { present } from '../../model/present.ts';
import { formatQuantity } from '../../model/quantity.ts';
import type { LocalVolume, LocalVolumePhase } from '../../model/local-volume.ts';
import { VOLUME_REASONS, type VolumeReason } from '../../model/volume-reasons.ts';
import {
  DISK,
  ENCRYPTED,
  ENCRYPTING,
  FILESYSTEM,
  FORMATTED,
  FORMATTING,
  VOLUME_FINALIZER,
} from '../../model/well-known.ts';
import type { KubeClient, Patch } from '../../kube/client.ts';
import { unlessGone } from '../../kube/find.ts';
import { patchSame, type SameObjectPatch } from '../../kube/patch-same.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { hasBeenReady } from './plan-volume.ts';
import { withoutFinalizer } from '../../kube/without-finalizer.ts';
import { brokenRelease, brokenStep } from './volume-rules.ts';

type Status = NonNullable<LocalVolume['status']>;

/** Why a volume is not as asked. */
export interface VolumeProblem {
  readonly reason: VolumeReason;
  readonly message: string;
}

/** What is told of a volume that serves. */
export interface ReadyVolume {
  readonly sizeBytes: number;
  readonly devicePath: string;
  /** LVM: which group and which logical volume it has from now on. */
  readonly groupUuid?: string | undefined;
  readonly volumeUuid?: string | undefined;
  /** Of a snapshot. */
  readonly snapshot?: SnapshotStatus | undefined;
  /** A copy: all that its source had. */
  readonly copiedBytes?: number | undefined;
}

/** How far a copy is. What is absent stays as it is told. */
export interface CopyingVolume extends VolumeProblem {
  readonly copiedBytes?: number;
  readonly progress?: number;
  readonly groupUuid?: string;
  readonly volumeUuid?: string;
}

export type SnapshotStatus = NonNullable<Status['snapshot']>;

/**
 * What the agent writes to LocalVolume objects. An object that is gone needs nothing written, and what was found out
 * for one is never written to a later one of its name. A mark by name alone is of a volume that is held open.
 */
export interface VolumeWriter {
  ready(volume: LocalVolume, now: ReadyVolume, signal: AbortSignal): Promise<void>;
  /** A volume that is being filled from another one, or waits for it. */
  copying(volume: LocalVolume, now: CopyingVolume, signal: AbortSignal): Promise<void>;
  /** Forgets how far a copy was, and onto which logical volume. */
  copyLost(volume: LocalVolume, signal: AbortSignal): Promise<void>;
  /** Why the volume is not as asked. A volume that serves stays Ready. Says whether this was news. */
  problem(volume: LocalVolume, problem: VolumeProblem, signal: AbortSignal): Promise<boolean>;
  /** A volume that was never ready waits for something, which is no trouble. */
  pending(volume: LocalVolume, message: string, signal: AbortSignal): Promise<void>;
  /** How full a snapshot's store is. */
  fill(volume: LocalVolume, fill: SnapshotStatus, signal: AbortSignal): Promise<void>;
  /** Puts our finalizer on an object that was made without it. */
  hold(volume: LocalVolume, signal: AbortSignal): Promise<void>;
  /** Takes our finalizer off: nothing of the volume is left here. */
  release(volume: LocalVolume, signal: AbortSignal): Promise<void>;
  /** With a `version` only while the object has that resourceVersion: else ApiError 409. False for one that is gone. */
  markFormatting(name: string, begun: string, signal: AbortSignal, version?: string): Promise<boolean>;
  markFormatted(name: string, fsType: string, signal: AbortSignal): Promise<void>;
  /** Records the UUID of a LUKS header that is being made, and takes off what was recorded of what it destroys. */
  markEncrypting(name: string, uuid: string, signal: AbortSignal): Promise<void>;
  markEncrypted(name: string, uuid: string, signal: AbortSignal): Promise<void>;
  /** Remembers for good which disk the volume has. */
  markDisk(volume: LocalVolume, identity: string, signal: AbortSignal): Promise<void>;
  /** Remembers for good which mounted filesystem the volume has. */
  markFilesystem(volume: LocalVolume, identity: string, signal: AbortSignal): Promise<void>;
}

/** Told of a volume of which what is recorded, or was to be written, cannot be; `what` goes on after its name. */
export type OnBroken = (volume: LocalVolume, what: string) => void;

export interface VolumeWriterDeps {
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  /** An object as it was heard of last; it may be newer than the one that is worked on. Absent: none is. */
  readonly heard?: (name: string) => LocalVolume | undefined;
  /** Given every object as the API server answered with it. */
  readonly wrote: (volume: LocalVolume) => void;
  /** Told of what breaks a rule of volume-rules.ts, which is not written: the call throws. */
  readonly onBroken?: OnBroken;
}

export function createVolumeWriter(deps: VolumeWriterDeps): VolumeWriter {
  const { onBroken = () => {} } = deps;
  const { write, patchThis } = createPatches(deps);
  const patch: PatchByName = async (...change) => void (await write(...change));

  const patchStatus = (
    volume: LocalVolume,
    status: { readonly [Key in keyof Status]: Status[Key] | null },
    signal: AbortSignal,
  ): Promise<void> => patchThis(volume, { status }, signal, 'status');

  const writeStatus = async (volume: LocalVolume, status: Status, signal: AbortSignal): Promise<boolean> => {
    assertHolds(volume, brokenStep(volume, status), onBroken);
    const body = changeTo(volume, status);
    if (body) await patchThis(volume, { status: body }, signal, 'status');
    return body !== undefined;
  };

  return {
    ready: async (volume, { sizeBytes, devicePath, groupUuid, volumeUuid, snapshot, copiedBytes }, signal) => {
      const status = present({ phase: 'Ready' as const, sizeBytes, devicePath, groupUuid, volumeUuid, snapshot });
      if (copiedBytes === undefined) await writeStatus(volume, status, signal);
      else {
        assertHolds(volume, brokenStep(volume, status), onBroken);
        const whole = { ...status, copiedBytes, progress: 100, summary: summaryOf(volume, sizeBytes) };
        await patchStatus(volume, { reason: null, message: null, ...whole }, signal);
      }
    },
    copying: (volume, { reason, message, copiedBytes, progress, groupUuid, volumeUuid }, signal) => {
      const far = present({ copiedBytes, progress, groupUuid, volumeUuid });
      return patchStatus(volume, { phase: 'Pending', reason, message, ...far }, signal);
    },
    copyLost: (volume, signal) =>
      patchStatus(volume, { copiedBytes: null, progress: null, groupUuid: null, volumeUuid: null }, signal),
    problem: (volume, { reason, message }, signal) => {
      const { sizeBytes, devicePath, groupUuid, volumeUuid } = volume.status ?? {};
      const snapshot = reason === 'SnapshotOverflowed' && isSnapshot(volume) ? { overflowed: true } : undefined;
      const known = present({ sizeBytes, devicePath, groupUuid, volumeUuid, snapshot });
      return writeStatus(volume, { ...known, phase: phaseOf(volume, reason), reason, message }, signal);
    },
    pending: async (volume, message, signal) => {
      if (!isPending(volume, message)) await patchStatus(volume, { phase: 'Pending', message, reason: null }, signal);
    },
    fill: (volume, snapshot, signal) => patchStatus(volume, { snapshot }, signal),
    hold: async (volume, signal) => {
      const change = withFinalizer(volume);
      if (change) await patch(volume.metadata.name ?? '', change, signal);
    },
    release: async (volume, signal) => {
      assertHolds(volume, brokenRelease(volume), onBroken);
      // Of this object alone: another node may have a volume of the name by now.
      const change = withoutFinalizer(volume.metadata, VOLUME_FINALIZER);
      if (change) await patch(volume.metadata.name ?? '', change, signal);
    },
    ...marking(patch, write, patchThis),
  };
}

/** By the name alone, and of one object alone; what the API server answers is told. */
function createPatches({ client, heard = () => undefined, wrote }: VolumeWriterDeps): {
  readonly write: WriteByName;
  readonly patchThis: PatchThis;
} {
  const tell = (written: LocalVolume | undefined): boolean => {
    if (written) wrote(written);
    return written !== undefined;
  };
  return {
    write: async (name, change, signal) =>
      tell(await unlessGone(client.patch(LOCAL_VOLUMES, { name }, change, signal))),
    patchThis: async (volume, body, signal, subresource) => {
      const now = heard(volume.metadata.name ?? '');
      const object = now?.metadata.uid === volume.metadata.uid ? (now ?? volume) : volume;
      tell(await patchSame(client, { resource: LOCAL_VOLUMES, object, body, subresource }, signal));
    },
  };
}

type Marking = Extract<keyof VolumeWriter, `mark${string}`>;

type PatchByName = (name: string, change: Patch, signal: AbortSignal) => Promise<void>;
/** False when the object is gone. */
type WriteByName = (name: string, change: Patch, signal: AbortSignal) => Promise<boolean>;
type PatchThis = (
  volume: LocalVolume,
  body: SameObjectPatch<LocalVolume>['body'],
  signal: AbortSignal,
  subresource?: 'status',
) => Promise<void>;

/** Annotations in which an agent notes what it does with a volume's content. */
const marking = (patch: PatchByName, write: WriteByName, patchThis: PatchThis): Pick<VolumeWriter, Marking> => ({
  markFormatting: (name, begun, signal, version) => write(name, annotate(FORMATTING, begun, version), signal),
  markFormatted: (name, fsType, signal) => patch(name, annotate(FORMATTED, fsType), signal),
  markEncrypting: (name, uuid, signal) => patch(name, encryptingMarks(uuid), signal),
  markEncrypted: (name, uuid, signal) => patch(name, annotate(ENCRYPTED, uuid), signal),
  markDisk: (volume, identity, signal) => patchThis(volume, annotate(DISK, identity).body, signal),
  markFilesystem: (volume, identity, signal) => patchThis(volume, annotate(FILESYSTEM, identity).body, signal),
});

function assertHolds(volume: LocalVolume, broken: string | undefined, onBroken: OnBroken): void {
  if (broken === undefined) return;
  onBroken(volume, broken);
  throw new Error(`volume ${volume.metadata.name}: ${broken}; that is not written`);
}

function encryptingMarks(uuid: string): Patch {
  const annotations = { [ENCRYPTING]: uuid, [ENCRYPTED]: null, [FORMATTING]: null, [FORMATTED]: null };
  return { type: 'merge', body: { metadata: { annotations } } };
}

/** Undefined for a volume that was Ready already, and for one that is being deleted, which gets no more finalizers. */
function withFinalizer(volume: LocalVolume): Patch | undefined {
  const { finalizers = [], resourceVersion, deletionTimestamp } = volume.metadata;
  if (hasBeenReady(volume) || deletionTimestamp !== undefined || finalizers.includes(VOLUME_FINALIZER))
    return undefined;
  const metadata = { finalizers: [...finalizers, VOLUME_FINALIZER], ...present({ resourceVersion }) };
  return { type: 'merge', body: { metadata } };
}

/** What is to be written so that the object has this status; undefined when it has. A null takes a field off. */
function changeTo(volume: LocalVolume, status: Status): object | undefined {
  const before = volume.status ?? {};
  const names = ['phase', 'sizeBytes', 'devicePath', 'groupUuid', 'volumeUuid', 'reason', 'message'] as const;
  const { snapshot } = status;
  const isSame = names.every((name) => before[name] === status[name]) && showsItsLimits(volume);
  if (isSame && has(before.snapshot, snapshot)) return undefined;
  const { size = null, limits = null } = summaryOf(volume, status.sizeBytes);
  const known = Object.fromEntries(names.map((name) => [name, status[name] ?? null]));
  const progress = status.phase === 'Ready' && before.progress !== undefined ? { progress: 100 } : {};
  return { ...known, ...progress, snapshot, summary: { size, limits } };
}

/** What the columns of `kubectl get lvol` show. */
const summaryOf = ({ spec }: LocalVolume, sizeBytes: number | undefined): NonNullable<Status['summary']> =>
  present({
    size: sizeBytes === undefined ? undefined : formatQuantity(bytes(sizeBytes)),
    limits: describeLimits(spec.limits),
  });

/** Whether the columns have the limits that the volume has now. */
export const showsItsLimits = ({ spec, status }: LocalVolume): boolean =>
  status?.summary?.limits === describeLimits(spec.limits);

const isPending = ({ status }: LocalVolume, message: string): boolean =>
  status?.phase === 'Pending' && status.message === message && status.reason === undefined;

const isSnapshot = ({ spec }: LocalVolume): boolean => spec.role === 'Snapshot';

/** A merge patch leaves what it does not name as it is. */
const has = (before: SnapshotStatus | undefined, wanted: SnapshotStatus | undefined): boolean =>
  Object.entries(wanted ?? {}).every(([name, value]) => before?.[name as keyof SnapshotStatus] === value);

const annotate = (key: string, value: string, resourceVersion?: string) => ({
  type: 'merge' as const,
  body: { metadata: { annotations: { [key]: value }, ...present({ resourceVersion }) } },
});

function phaseOf(volume: LocalVolume, reason: VolumeReason): LocalVolumePhase {
  if (volume.metadata.deletionTimestamp !== undefined) return 'Deleting';
  return hasBeenReady(volume) && !VOLUME_REASONS[reason].broken ? 'Ready' : 'Failed';
}
