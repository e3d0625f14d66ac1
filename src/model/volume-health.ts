import type { LocalVolume } from './local-volume.ts';
import type { StorageTroubles } from './storage-troubles.ts';
import { VOLUME_REASONS, type VolumeReason } from './volume-reasons.ts';

/**
 * `degraded`: usable, and something about it needs a person; `inaccessible`: cannot be used now, and may come back;
 * `data-loss`: what was on it is not there any more, or not whole.
 */
export type Health = 'degraded' | 'inaccessible' | 'data-loss';

/**
 * What each reason in the status says of a volume that was ready once, while its phase is Failed. In any other phase
 * the volume serves, and the reason tells at most that something about it needs a person. Undefined: nothing is wrong
 * with the volume, only with what was asked of it.
 */
const OF_STATUS: Readonly<Record<VolumeReason, Health | undefined>> = {
  NoSpace: undefined,
  GroupMissing: 'inaccessible',
  GroupForeign: 'inaccessible',
  GroupExported: 'inaccessible',
  GroupMismatch: 'inaccessible',
  VolumeMismatch: 'inaccessible',
  NotOurs: 'inaccessible',
  VolumeLost: 'data-loss',
  ActivationFailed: 'inaccessible',
  GroupFaulty: 'degraded',
  VolumeInvalid: undefined,
  LvmFailed: 'degraded',
  UnitMissing: 'inaccessible',
  NotBlank: undefined,
  TooSmall: undefined,
  InUse: undefined,
  WipeFailed: undefined,
  SourceMissing: 'inaccessible',
  SnapshotOverflowed: 'data-loss',
  GroupSnapshotFailed: undefined,
  HasSnapshots: undefined,
  KeptBySnapshot: undefined,
  KeptByReader: undefined,
  Copying: undefined,
  SourceFailed: undefined,
  CopyFailed: undefined,
  Unsupported: undefined,
};

/** What is found beside the status of a volume, and what it says. */
const OTHERS = {
  /** An administrator wrote that its node will not come back. */
  NodeLost: 'inaccessible',
  /** There is no report of its node. */
  NodeNotReporting: 'inaccessible',
  /** Its volume group lacks a disk; the volume itself is on those that are there. */
  DisksMissing: 'degraded',
  /** A part of the volume is on a disk that is missing. */
  VolumePartial: 'inaccessible',
  /** A disk below it fails, or one of its volume group: the volume itself may be on another one. */
  DiskFailing: 'degraded',
  /** The disk or the mounted filesystem that it has for itself cannot be read. */
  UnitFaulty: 'inaccessible',
  /** The store of the snapshot that it shows has overflowed. */
  SnapshotOverflowed: 'data-loss',
  /** Its device file is not on the node. */
  DeviceMissing: 'inaccessible',
  /** The kernel made its filesystem read-only, as it does after errors. */
  FilesystemReadOnly: 'degraded',
  /** The kernel shut its filesystem down. */
  FilesystemShutDown: 'inaccessible',
} as const satisfies Readonly<Record<string, Health>>;

export type HealthReason = keyof typeof OTHERS;

/** One thing that is wrong with a volume. */
export interface HealthEntry {
  readonly health: Health;
  /** CamelCase, for programs. It may be another version's word, from the status of a LocalVolume. */
  readonly reason: string;
  /** Names the volume, its node, the cause and what to do. */
  readonly message: string;
}

/** An entry of the table, in a sentence about the volume. */
export function healthEntry(reason: HealthReason, { metadata, spec }: LocalVolume, cause: string): HealthEntry {
  return { health: OTHERS[reason], reason, message: sentence(metadata.name, spec.nodeName, cause) };
}

const sentence = (name = '', node: string, cause: string): string => `volume ${name} on node ${node}: ${cause}`;

/** What is known around a volume. */
export interface Surroundings {
  /** Undefined: its node has no NodeLocalStorage. */
  readonly storage: StorageTroubles | undefined;
  /** The snapshot that the volume shows as it is, read-only. */
  readonly snapshot?: LocalVolume | undefined;
}

/** All that is recorded to be wrong with a volume, the worst first; nothing of one that was never ready. */
export function recordedHealth(volume: LocalVolume, { storage, snapshot }: Surroundings): readonly HealthEntry[] {
  if (volume.status?.sizeBytes === undefined) return [];
  const entries = [...ofStatus(volume), ...ofNode(volume, storage), ...ofSnapshot(volume, snapshot)];
  return entries.toSorted((a, b) => SEVERITY.indexOf(b.health) - SEVERITY.indexOf(a.health));
}

const SEVERITY: readonly Health[] = ['degraded', 'inaccessible', 'data-loss'];

function ofStatus({ metadata, spec, status }: LocalVolume): readonly HealthEntry[] {
  const { phase, reason, message = 'no reason is given' } = status ?? {};
  const isFailed = phase === 'Failed';
  if (reason === undefined && !isFailed) return [];
  const known = reason !== undefined && Object.hasOwn(VOLUME_REASONS, reason);
  const meant = known ? OF_STATUS[reason] : 'inaccessible';
  if (meant === undefined && !isFailed) return [];
  const health = isFailed ? (meant ?? 'inaccessible') : 'degraded';
  return [{ health, reason: reason ?? 'Failed', message: sentence(metadata.name, spec.nodeName, message) }];
}

function ofNode(volume: LocalVolume, storage: StorageTroubles | undefined): readonly HealthEntry[] {
  const { kind, vgName = '', path = '', nodeName } = volume.spec;
  if (storage === undefined) {
    const cause = `the node does not report its storage: see that node ${nodeName} and its agent run`;
    return [healthEntry('NodeNotReporting', volume, cause)];
  }
  if (storage.lost !== undefined)
    return [healthEntry('NodeLost', volume, `an administrator wrote that the node is lost: ${storage.lost}`)];
  if (kind !== 'LVM') {
    const trouble = storage.units.get(path);
    return trouble === undefined ? ofDisks(path, volume, storage) : [healthEntry('UnitFaulty', volume, trouble)];
  }
  if (storage.volumes.get(vgName)?.includes(volume.metadata.name ?? '')) {
    const cause = `a part of it is on a disk of group ${vgName} that is missing: bring the disk back`;
    return [healthEntry('VolumePartial', volume, cause)];
  }
  const trouble = storage.groups.get(vgName);
  const missing = trouble === undefined ? [] : [healthEntry('DisksMissing', volume, trouble)];
  return [...missing, ...ofDisks(vgName, volume, storage)];
}

function ofDisks(place: string, volume: LocalVolume, { disks }: StorageTroubles): readonly HealthEntry[] {
  const trouble = disks.get(place);
  return trouble === undefined ? [] : [healthEntry('DiskFailing', volume, trouble)];
}

function ofSnapshot(volume: LocalVolume, snapshot: LocalVolume | undefined): readonly HealthEntry[] {
  const isTold = volume.status?.reason === 'SnapshotOverflowed';
  if (isTold || snapshot?.status?.snapshot?.overflowed !== true) return [];
  const name = snapshot.metadata.name ?? '';
  const cause = `the store of snapshot ${name}, which it shows, has overflowed: its data is gone; the volume that was snapshotted is whole`;
  return [healthEntry('SnapshotOverflowed', volume, cause)];
}
