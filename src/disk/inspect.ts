import { MIB, bytes, formatBytes } from '../model/bytes.ts';
import { adviceFor, adviceForOrphan, type Ties } from './advice.ts';
import type { BlockDevice, Probe, Signature } from './disks.ts';

/** Everything known about one device that somebody wants to be made part of a group. */
export interface DeviceFacts {
  /** As it was named: `/dev/sdb`, `/dev/disk/by-id/…`. */
  readonly path: string;
  /** Where the name leads; undefined when there is nothing. */
  readonly resolved?: string;
  /** Undefined when what is there is no block device. */
  readonly device?: BlockDevice;
  /** The volume that has it for itself, unless it is asked on behalf of that volume. */
  readonly owner?: string;
  /** LVM has it: the group's name, empty for a member of none. */
  readonly group?: string;
  /**
   * An orphan PV: its UUID, whether the process that created it is certainly gone, and whether it is in a group that
   * lvm cannot see.
   */
  readonly orphan?: { readonly uuid: string; readonly isOver: boolean; readonly isUsed?: boolean };
  /** Where it, or a partition of it, is mounted. */
  readonly mountedAt: readonly string[];
  /** What another path to the same disk is in use for: a clause that goes on from the device's name. */
  readonly otherPath?: string;
  /** Absent when the facts before it rule the device out: then nothing was read from it. */
  readonly probe?: Probe;
  /** What it may belong to although nothing is seen to use it. */
  readonly ties?: Ties;
}

export type FindingKind =
  | 'missing'
  | 'not-a-disk'
  | 'read-only'
  | 'too-small'
  | 'zoned'
  | 'owned'
  | 'in-group'
  | 'swap'
  | 'mounted'
  | 'partitioned'
  | 'held'
  | 'other-path'
  | 'busy'
  | 'unreadable'
  | 'signature'
  | 'data'
  | 'not-probed';

/** Why a device is left alone. */
export interface Finding {
  readonly kind: FindingKind;
  /** What was found: a clause that goes on from the device's name, such as `carries an ext4 filesystem`. */
  readonly what: string;
  /** What a person can do about it: a sentence. */
  readonly todo: string;
}

export type Inspection = { readonly blank: true } | { readonly blank: false; readonly finding: Finding };

/** Room for LVM's label and metadata, and one extent. */
const SMALLEST = bytes(5 * MIB);

/**
 * Whether a device may be written to. Only one that is provably blank may: a writable block device of some size that
 * nothing uses, nothing is built on, and on which no signature and no other data is found. Everything that is not known
 * counts against it.
 */
export function inspectDevice(facts: DeviceFacts): Inspection {
  const finding = useOf(facts) ?? contentOf(facts);
  return finding ? { blank: false, finding } : { blank: true };
}

/** What rules the device out without reading from it. */
export function useOf(facts: DeviceFacts): Finding | undefined {
  const { path, resolved, device } = facts;
  if (resolved === undefined)
    return { kind: 'missing', what: 'is not there', todo: 'Check the name, the cable and the disk.' };
  if (!device)
    return {
      kind: 'not-a-disk',
      what: `is not a block device (it is ${resolved})`,
      todo: `Name a disk instead of ${path}.`,
    };
  return natureOf(device) ?? claimOf(facts, device) ?? orderOf(device);
}

function natureOf(device: BlockDevice): Finding | undefined {
  if (device.kind === 'unfit' || device.kind === 'logical-volume')
    return {
      kind: 'not-a-disk',
      what: `is not a disk but a ${device.kind === 'unfit' ? 'device of another kind' : 'logical volume'}`,
      todo: 'Name a disk or a partition.',
    };
  if (device.readOnly)
    return { kind: 'read-only', what: 'is read-only', todo: 'Make it writable, or take it off the list.' };
  if (device.size < SMALLEST)
    return {
      kind: 'too-small',
      what: `has ${formatBytes(device.size)}, less than the ${formatBytes(SMALLEST)} that a group needs`,
      todo: 'Take it off the list.',
    };
  return undefined;
}

function claimOf(facts: DeviceFacts, device: BlockDevice): Finding | undefined {
  const { group, mountedAt, owner } = facts;
  if (owner !== undefined)
    return { kind: 'owned', what: `belongs to volume ${owner}`, todo: 'Take it off the list, or delete the volume.' };
  if (group !== undefined)
    return group === ''
      ? {
          kind: 'in-group',
          what: 'is an LVM physical volume of no group',
          todo: adviceForOrphan(device.path, facts.orphan?.isUsed === true, facts.ties ?? {}),
        }
      : {
          kind: 'in-group',
          what: `belongs to volume group ${group}`,
          todo: 'Take it off the list.',
        };
  if (device.swap)
    return { kind: 'swap', what: 'is in use as swap', todo: `If it is not needed: swapoff ${device.path}` };
  if (mountedAt.length > 0)
    return {
      kind: 'mounted',
      what: `is mounted at ${mountedAt.join(', ')}`,
      todo: 'Take it off the list.',
    };
  if (device.partitions.length > 0)
    return {
      kind: 'partitioned',
      what: `has partitions (${device.partitions.join(', ')})`,
      todo: 'Name a partition instead.',
    };
  if (device.holders.length > 0)
    return {
      kind: 'held',
      what: `is held by ${device.holders.join(', ')}`,
      todo: 'Name what is built on it instead, or take it off the list.',
    };
  if (facts.otherPath !== undefined)
    return {
      kind: 'other-path',
      what: facts.otherPath,
      todo: 'Take it off the list: one path to a disk is enough, and multipath-tools makes one of several.',
    };
  return undefined;
}

function orderOf({ zoned }: BlockDevice): Finding | undefined {
  if (!zoned) return undefined;
  return {
    kind: 'zoned',
    what: 'is a zoned disk, which can be written in the order of its sectors only (host-managed)',
    todo: 'Take it off the list: LVM, ext4 and xfs, and most programs in pods, cannot use it.',
  };
}

function contentOf({ device, path, probe, ties = {} }: DeviceFacts): Finding | undefined {
  const name = device?.path ?? path;
  if (!probe) return { kind: 'not-probed', what: 'has not been looked at', todo: 'It is tried again.' };
  if (probe.busy)
    return {
      kind: 'busy',
      what: 'is in use: it cannot be opened exclusively',
      todo: `See what holds it: lsof ${name}`,
    };
  if (probe.unreadable !== undefined)
    return {
      kind: 'unreadable',
      what: `cannot be read: ${probe.unreadable}`,
      todo: 'Check the disk: dmesg, smartctl.',
    };
  if (probe.signatures.length > 0)
    return {
      kind: 'signature',
      what: `carries ${[...new Set(probe.signatures.map(describe))].join(' and ')}`,
      todo: adviceFor(name, probe.signatures, ties),
    };
  if (probe.dataAt !== undefined)
    return {
      kind: 'data',
      what: `holds data of no known kind at byte ${probe.dataAt}`,
      todo: adviceFor(name, [], ties),
    };
  return undefined;
}

/** In libblkid's words where they are known to most, in plainer ones where they are not. */
const NAMES: Readonly<Record<string, string>> = {
  LVM2_member: 'an LVM physical volume',
  linux_raid_member: 'a member of a software RAID',
  crypto_LUKS: 'a LUKS encrypted volume',
  zfs_member: 'a member of a ZFS pool',
  swap: 'a swap area',
  gpt: 'a GPT partition table',
  PMBR: 'a protective MBR',
  dos: 'an MBR partition table',
};

const FILESYSTEM = /^(ext\d|.*fs|ntfs|vfat|iso9660|udf)$/;

function describe({ type, label, uuid }: Signature): string {
  const name = NAMES[type] ?? (FILESYSTEM.test(type) ? `filesystem ${type}` : `a signature of ${type}`);
  const details = [label === undefined ? '' : `label ${label}`, uuid === undefined ? '' : `UUID ${uuid}`].filter(
    Boolean,
  );
  return details.length === 0 ? name : `${name} (${details.join(', ')})`;
}
