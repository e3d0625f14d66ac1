import { inspectDevice, useOf, type DeviceFacts, type Finding } from '../../disk/inspect.ts';
import { textOf } from '../../model/fault.ts';
import { parseMountOptions } from '../../model/mount-options.ts';
import { FILESYSTEMS, filesystemType, type FilesystemType } from '../../model/filesystem-type.ts';
import type { Content } from '../../mount/filesystem.ts';
import { present } from '../../model/present.ts';
import { mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import type { FormatMark } from './format-marks.ts';
import type { Problem } from './plan-volume-groups.ts';

/** An item of spec.resourceToBeInited.mountpoints. */
export interface WantedMountPoint {
  readonly path: string;
  readonly device: string;
  /** Absent: what is there, and ext4 on a blank device. */
  readonly fsType?: string;
  readonly options?: readonly string[];
}

export interface MountPointFacts {
  readonly device: DeviceFacts;
  /** As libblkid names it; absent when the facts before it rule the device out. */
  readonly content?: Content;
  readonly mounts: readonly MountEntry[];
  /** Folder directly under which claims can have filesystems. */
  readonly mountRoot: string;
  /** The volume that has this path for itself. */
  readonly owner?: string;
  /** That formatting was begun for this path and is not done. */
  readonly begun?: FormatMark;
  /** Which disk the device is, in the words of such a mark. */
  readonly disk?: string;
}

export type MountPointStep =
  | { readonly kind: 'mounted' }
  /** The device carries this filesystem, or gets it first; `over` is the UUID of a cut try of ours that is replaced. */
  | {
      readonly kind: 'mount';
      readonly device: string;
      readonly fsType: FilesystemType;
      readonly format: boolean;
      readonly over?: string;
    }
  | { readonly kind: 'refuse'; readonly problem: Problem };

/**
 * What is to be done so that the device is seen at the path. Only a device that is provably blank is formatted, or one
 * that carries what our own cut try left, and none whose place a volume has had: its data was lost then. One that
 * carries another filesystem is mounted as it is.
 */
export function planMountPoint(wanted: WantedMountPoint, facts: MountPointFacts): MountPointStep {
  const { path, device } = wanted;
  const misplaced = pathProblem(path, facts.mountRoot) ?? typeProblem(wanted.fsType);
  if (misplaced) return refuse(misplaced);
  const entry = mountAt(facts.mounts, path);
  if (entry && isOf(entry, facts.device)) return { kind: 'mounted' };
  if (entry)
    return refuse({
      reason: 'PathTaken',
      message: `${entry.source} is mounted at ${path}, not ${device}: unmount it.`,
    });
  const use = useOf(facts.device);
  if (use) return refuse(refused(device, use));
  const step = planContent(wanted, facts);
  const unfit = step.kind === 'mount' && facts.owner === undefined && optionProblem(wanted, step.fsType);
  return unfit ? refuse(unfit) : step;
}

function planContent(wanted: WantedMountPoint, facts: MountPointFacts): MountPointStep {
  const { content, owner } = facts;
  const device = facts.device.resolved ?? wanted.device;
  const over = cutTry(facts);
  if (content?.kind === 'filesystem' && over === undefined) return planFilesystem(wanted, device, content.type);
  const inspection = inspectDevice(facts.device);
  if (!inspection.blank && over === undefined) return refuse(refused(wanted.device, inspection.finding));
  if (content?.kind !== 'blank' && over === undefined) return refuse(refused(wanted.device, NAMELESS));
  if (owner !== undefined)
    return refuse({
      reason: 'FilesystemLost',
      message: `${wanted.device} is blank, and volume ${owner} had its filesystem: it is not formatted again. Restore it, or delete the volume.`,
    });
  return { kind: 'mount', device, fsType: filesystemType(wanted.fsType ?? ''), format: true, ...present({ over }) };
}

/**
 * The UUID of a try of ours that was cut, when what the device carries is certainly its remains: a filesystem of that
 * UUID that says itself that it is not finished, or, on the very disk, data that is nothing yet (mkfs.btrfs and
 * mkfs.ext4 write their superblocks last).
 */
function cutTry({ begun, content, device, disk }: MountPointFacts): string | undefined {
  if (!begun) return undefined;
  const { uuid } = begun.filesystem;
  if (content?.kind === 'filesystem') return content.unfinished && content.uuid === uuid ? uuid : undefined;
  const inspection = inspectDevice(device);
  const isNameless = content?.kind === 'blank' && !inspection.blank && inspection.finding.kind === 'data';
  return isNameless && begun.disk === disk ? uuid : undefined;
}

const NAMELESS = { what: 'carries something that cannot be named', todo: 'Wipe it if its data is not needed.' };

function planFilesystem(wanted: WantedMountPoint, device: string, type: string): MountPointStep {
  const fsType = FILESYSTEMS.find((supported) => supported === type);
  const asked = wanted.fsType ?? type;
  if (fsType && fsType === asked) return { kind: 'mount', device, fsType, format: false };
  const want = wanted.fsType ?? `any of ${FILESYSTEMS.join(', ')}`;
  return refuse({
    reason: 'OtherFilesystem',
    message: `${wanted.device} carries ${type}, not ${want}: left alone. Ask for what it carries, or wipe it if its data is not needed.`,
  });
}

/** Elsewhere nobody would see it: only this folder is shared with the machine. */
const pathProblem = (path: string, root: string): Problem | undefined =>
  path.startsWith(`${root}/`) && !path.slice(root.length + 1).includes('/') && !/\/\.{0,2}$/.test(path)
    ? undefined
    : { reason: 'InvalidPath', message: `${path} must be a folder directly under ${root}.` };

const typeProblem = (fsType: string | undefined): Problem | undefined =>
  fsType === undefined || FILESYSTEMS.some((type) => type === fsType)
    ? undefined
    : { reason: 'InvalidFilesystem', message: `Filesystem ${fsType} is not supported: use ${FILESYSTEMS.join(', ')}.` };

/** The options of a class are held to the same list. One that a volume has is mounted as it always was. */
function optionProblem({ path, options = [] }: WantedMountPoint, fsType: FilesystemType): Problem | undefined {
  try {
    parseMountOptions(options, fsType);
    return undefined;
  } catch (error) {
    return { reason: 'InvalidOptions', message: `${path}: ${textOf(error)}.` };
  }
}

/** btrfs mounts have numbers of their own. */
const isOf = (entry: MountEntry, { device }: DeviceFacts): boolean =>
  device !== undefined && (entry.majorMinor === device.majorMinor || entry.source === device.path);

const refused = (device: string, { what, todo }: Pick<Finding, 'what' | 'todo'>): Problem => ({
  reason: 'DeviceRefused',
  message: `${device} ${what}: left alone. ${todo}`,
});

const refuse = (problem: Problem): MountPointStep => ({ kind: 'refuse', problem });
