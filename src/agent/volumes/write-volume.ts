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
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { hasBeenReady } from './plan-volume.ts';
import { unlessGone } from '../../kube/find.ts';
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

/** What the agent writes to LocalVolume objects. An object that is gone needs nothing written. */
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
  fill(name: string, fill: SnapshotStatus, signal: AbortSignal): Promise<void>;
  /** Puts our finalizer on an object that was made without it. */
  hold(volume: LocalVolume, signal: AbortSignal): Promise<void>;
  /** Takes our finalizer off: nothing of the volume is left here. */
  release(volume: LocalVolume, signal: AbortSignal): Promise<void>;
  markFormatting(name: string, begun: string, signal: AbortSignal): Promise<void>;
  markFormatted(name: string, fsType: string, signal: AbortSignal): Promise<void>;
  /** Records the UUID of a LUKS header that is being made, and takes off what was recorded of what it destroys. */
  markEncrypting(name: string, uuid: string, signal: AbortSignal): Promise<void>;
  markEncrypted(name: string, uuid: string, signal: AbortSignal): Promise<void>;
  /** Remembers for good which disk the volume has. */
  markDisk(name: string, identity: string, signal: AbortSignal): Promise<void>;
  /** Remembers for good which mounted filesystem the volume has. */
  markFilesystem(name: string, identity: string, signal: AbortSignal): Promise<void>;
}

/** Told of a volume of which what is recorded, or was to be written, cannot be; `what` goes on after its name. */
export type OnBroken = (volume: LocalVolume, what: string) => void;

/**
 * `wrote` is given every object as the API server answered with it. What breaks a rule of volume-rules.ts is told to
 * `onBroken` and not written: the call throws.
 */
export function createVolumeWriter(
  client: Pick<KubeClient, 'patch'>,
  wrote: (volume: LocalVolume) => void,
  onBroken: OnBroken = () => {},
): VolumeWriter {
  const patch = async (name: string, change: Patch, signal: AbortSignal, subresource?: 'status'): Promise<void> => {
    const volume = await unlessGone(client.patch(LOCAL_VOLUMES, { name }, change, signal, subresource));
    if (volume) wrote(volume);
  };

  const patchStatus = (
    { metadata }: LocalVolume,
    status: { readonly [Key in keyof Status]: Status[Key] | null },
    signal: AbortSignal,
  ): Promise<void> => patch(metadata.name ?? '', { type: 'merge', body: { status } }, signal, 'status');

  const writeStatus = async (volume: LocalVolume, status: Status, signal: AbortSignal): Promise<boolean> => {
    assertHolds(volume, brokenStep(volume, status), onBroken);
    const body = changeTo(volume, status);
    if (body) await patch(volume.metadata.name ?? '', { type: 'merge', body: { status: body } }, signal, 'status');
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
    fill: (name, snapshot, signal) => patch(name, { type: 'merge', body: { status: { snapshot } } }, signal, 'status'),
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
    ...marking(patch),
  };
}

type Marking = Extract<keyof VolumeWriter, `mark${string}`>;

/** Annotations in which an agent notes what it does with a volume's content. */
const marking = (
  patch: (name: string, change: Patch, signal: AbortSignal) => Promise<void>,
): Pick<VolumeWriter, Marking> => ({
  markFormatting: (name, begun, signal) => patch(name, annotate(FORMATTING, begun), signal),
  markFormatted: (name, fsType, signal) => patch(name, annotate(FORMATTED, fsType), signal),
  markEncrypting: (name, uuid, signal) => patch(name, encryptingMarks(uuid), signal),
  markEncrypted: (name, uuid, signal) => patch(name, annotate(ENCRYPTED, uuid), signal),
  markDisk: (name, identity, signal) => patch(name, annotate(DISK, identity), signal),
  markFilesystem: (name, identity, signal) => patch(name, annotate(FILESYSTEM, identity), signal),
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
  return { ...known, snapshot, summary: { size, limits } };
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

const annotate = (key: string, value: string): Patch => ({
  type: 'merge',
  body: { metadata: { annotations: { [key]: value } } },
});

function phaseOf(volume: LocalVolume, reason: VolumeReason): LocalVolumePhase {
  if (volume.metadata.deletionTimestamp !== undefined) return 'Deleting';
  return hasBeenReady(volume) && !VOLUME_REASONS[reason].broken ? 'Ready' : 'Failed';
}
