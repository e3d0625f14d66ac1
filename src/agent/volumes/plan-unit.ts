import { bytes, formatBytes, type Bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { notOnDisk } from '../../model/mounted-disk.ts';
import { present } from '../../model/present.ts';
import { DISK } from '../../model/well-known.ts';
import { inspectDevice, useOf, type DeviceFacts, type Finding } from '../../disk/inspect.ts';
import { releaseAdvice } from '../../disk/release-advice.ts';
import { MOST_ENTRIES } from '../../mount/filesystem.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import type { MountPoint } from '../storage/observe.ts';
import { recordedDisk, recordedFilesystem } from './unit-disk.ts';
import { hasBeenReady, refuse, type VolumeStep } from './volume-step.ts';

/** A whole disk or filesystem that one volume has for itself. */
interface Unit {
  /** Where it is now. */
  readonly path: string;
  readonly size: Bytes;
  /** What a mounted filesystem is known by. */
  readonly filesystem?: string;
  /** What is in it, with what to do about it; undefined when it is blank. */
  readonly content: string | undefined;
  /** Why its data cannot be destroyed now; undefined when it can. */
  readonly held: Held | undefined;
}

interface Held {
  readonly what: string;
  /** Where it is mounted, when it is held by that alone. */
  readonly targets?: readonly string[];
}

/**
 * What a volume needs that has a disk for itself. `otherwise` is what the disk in its place tells, where that may be
 * its own: calledOtherwise.
 */
export function planDeviceVolume(volume: LocalVolume, facts: DeviceFacts, otherwise?: string): VolumeStep {
  const inspection = inspectDevice(facts);
  const content = inspection.blank ? undefined : `${inspection.finding.what}. ${inspection.finding.todo}`;
  const { device } = facts;
  const unit = device && { path: device.path, size: device.size, content, held: heldBy(facts) };
  return planUnit(volume, unit, otherwise);
}

/**
 * What its user put on the disk goes with the volume: partitions, or a group of LVM, as long as nothing of it is in
 * use.
 */
const ITS_OWN: readonly (string | undefined)[] = ['partitioned', 'in-group', 'too-small', 'zoned'];

/** What keeps a disk from being wiped when its volume goes; undefined where nothing does. */
export function useOfAnother(facts: DeviceFacts): Finding | undefined {
  const use = useOf(facts);
  return use && !ITS_OWN.includes(use.kind) ? use : undefined;
}

function heldBy(facts: DeviceFacts): Held | undefined {
  const use = useOfAnother(facts);
  if (!use) return undefined;
  const what = `${use.what}. ${use.kind === 'held' ? releaseAdvice(facts.device?.holders ?? []) : use.todo}`;
  return { what, ...(use.kind === 'mounted' ? { targets: facts.mountedAt } : {}) };
}

/**
 * The same for a mounted filesystem; `entries` are the names in it, `mounts` all mounts of the node, `owner` another
 * volume that has it.
 */
export function planMountPointVolume(
  volume: LocalVolume,
  mountPoint: MountPoint | undefined,
  { entries, mounts, owner, otherwise }: MountPointFacts,
): VolumeStep {
  const { entry, stats, identity } = mountPoint ?? {};
  if (!entry || !stats || identity === undefined) return planUnit(volume, undefined, otherwise);
  const users = usersOf(entry, mounts);
  const what = `is in use at ${users.join(', ')}. It is emptied once it is not.`;
  const held = users.length === 0 ? undefined : { what, targets: [...new Set(users)] };
  const content = foreignTo(entry, users, owner) ?? filesIn(entries);
  return planUnit(volume, { path: entry.target, size: stats.total, filesystem: identity, content, held });
}

interface MountPointFacts {
  readonly entries: readonly string[];
  readonly mounts: readonly MountEntry[];
  readonly owner?: string;
  /** As planDeviceVolume's. */
  readonly otherwise?: string;
}

/** Why a filesystem may not be taken whatever files it has. */
function foreignTo({ fsType, source }: MountEntry, users: readonly string[], owner?: string): string | undefined {
  const nature = notOnDisk({ fsType, device: source });
  if (nature !== undefined) return `${nature}. Mount a disk there.`;
  if (owner !== undefined) return `has the filesystem of volume ${owner}. Mount another one there.`;
  if (users.length === 0) return undefined;
  return `is in use at ${users.join(', ')}. Unmount it there, or leave this path out.`;
}

function filesIn(entries: readonly string[]): string | undefined {
  const files = entries.filter((name) => name !== 'lost+found').length;
  const howMany = files < MOST_ENTRIES ? `${files}` : `${MOST_ENTRIES} or more`;
  return files === 0 ? undefined : `holds ${howMany} files and folders. Empty it if they are not needed.`;
}

/** Where else the filesystem is seen, and what is mounted inside of it. */
function usersOf({ target, majorMinor }: MountEntry, mounts: readonly MountEntry[]): readonly string[] {
  const others = mounts.filter((other) => other.target !== target);
  return others
    .filter((other) => other.majorMinor === majorMinor || other.target.startsWith(`${target}/`))
    .map((other) => other.target);
}

/**
 * A unit must be blank when it is first taken, so that nobody gets another's data, and goes back only once its data is
 * destroyed.
 */
function planUnit(volume: LocalVolume, unit: Unit | undefined, otherwise?: string): VolumeStep {
  const isOurs = hasBeenReady(volume);
  const isLeaving = volume.metadata.deletionTimestamp !== undefined;
  if (isLeaving && !isOurs) return { kind: 'gone' };
  if (!unit) return refuse('UnitMissing', missing(volume, otherwise));
  const { path, filesystem } = unit;
  const which = present({ filesystem });
  if (isLeaving) return unit.held === undefined ? { kind: 'wipe', path, ...which } : refuseHeld(path, unit.held);
  if (!isOurs && !volume.spec.adopted && unit.content !== undefined)
    return refuse('NotBlank', `${path} ${unit.content}`);
  const wanted = bytes(volume.spec.sizeBytes);
  if (unit.size >= wanted) return { kind: 'ready', sizeBytes: unit.size, devicePath: path, ...which };
  return refuse('TooSmall', `${path} has ${formatBytes(unit.size)}, less than the ${formatBytes(wanted)} asked for.`);
}

const refuseHeld = (path: string, { what, targets }: Held): VolumeStep => ({
  ...refuse('InUse', `${path} ${what}`),
  ...present({ targets }),
});

function missing(volume: LocalVolume, otherwise: string | undefined): string {
  const [disk, filesystem] = [recordedDisk(volume), recordedFilesystem(volume)];
  const others = [
    ...(disk === undefined ? [] : [`leads to another disk than ${disk}`]),
    ...(filesystem === undefined ? [] : [`shows another filesystem than ${filesystem}`]),
  ];
  const absent = volume.spec.kind === 'MountPoint' ? 'is not a mounted filesystem' : 'is not there';
  const told = `${volume.spec.path} ${[absent, ...others].join(', or ')}: bring it back.`;
  if (otherwise === undefined) return told;
  const command = `kubectl annotate localvolume ${volume.metadata.name} ${DISK}="${otherwise}" --overwrite`;
  return `${told} The disk there tells ${otherwise}, and is as large: a new kernel or firmware may call a disk otherwise. Only if the serial number on it says that it is the volume's: ${command}`;
}
