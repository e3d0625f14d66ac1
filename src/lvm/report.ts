import { NO_BYTES, bytes, type Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import { present } from '../model/present.ts';
import { healthOf } from './health.ts';
import { roomOf, type GroupRules } from './room.ts';
import { count, list, text, type Row } from './rows.ts';
import { takenBy, withMoved } from './taken.ts';

/** What LVM has on this machine. */
export interface LvmReport {
  readonly groups: readonly LvmGroup[];
  /** Initialised for LVM, in no group that can be seen. */
  readonly orphans: readonly PhysicalVolume[];
  /** Groups that the node had and that are not there; lvm reports none. */
  readonly absent?: readonly string[];
  /** Devices that lvm leaves alone since another carries the same physical volume; none where absent. */
  readonly duplicates?: readonly CopiedDevice[];
  /** Devices that lvm was not let look at, since they do not answer; none where absent. */
  readonly silent?: readonly SilentDevice[];
}

/** A device that does not answer, and the group that it was last seen in. */
export interface SilentDevice {
  readonly device: string;
  readonly group?: string;
}

/** A device that carries the physical volume of another. */
export interface CopiedDevice {
  readonly device: string;
  /** Of the physical volume. */
  readonly uuid: string;
}

export interface LvmGroup {
  readonly name: string;
  readonly uuid: string;
  readonly total: Bytes;
  /** Extents in no volume, be they to be had or not. */
  readonly free: Bytes;
  /** What lvcreate can give of what is free: room.ts. */
  readonly room: Bytes;
  /** Why that is less than what is free: clauses that go on from the group's name. */
  readonly kept: readonly string[];
  readonly extentSize: Bytes;
  /** Counts the changes of the group from 1. */
  readonly seqno: number;
  /** The machine that made it for itself alone; absent where any machine may use it. */
  readonly systemId?: string;
  /** It is another machine's: it may be looked at, and no more. */
  readonly foreign: boolean;
  /** Marked by vgexport to be moved to another machine: not to be used here. */
  readonly exported: boolean;
  /** Some of its devices are missing. */
  readonly partial: boolean;
  /** Machines share it under the locks of lvmlockd: LVM changes nothing of it without them. */
  readonly shared?: true;
  readonly devices: readonly PhysicalVolume[];
  /** Visible volumes only, ours or not. */
  readonly volumes: readonly LvmVolume[];
  /**
   * Volumes that its metadata has lost, the file with a state that has them, and the volumes that this one has not:
   * kept-states.ts; lvm reports none.
   */
  readonly lost?: { readonly names: readonly string[]; readonly file: string; readonly newer: readonly string[] };
  /** Why it may not be the group that its name meant; lvm reports none. */
  readonly doubt?: GroupDoubt;
}

/** A group of which it is not known whether it is the node's that its name means. */
export interface GroupDoubt {
  readonly reason:
    | 'DuplicateName'
    | 'DuplicateDevice'
    | 'OtherGroup'
    | 'OnOfferedDisk'
    | 'SharedGroup'
    | 'MetadataLost';
  /** Sentences for a person. */
  readonly message: string;
  /** Its UUID is the one that was recorded. */
  readonly recorded: boolean;
}

export interface PhysicalVolume {
  /** `/dev/sdb`; `[unknown]` when missing. */
  readonly device: string;
  readonly uuid: string;
  /** `8:16`; absent when missing. */
  readonly majorMinor?: string;
  readonly size: Bytes;
  readonly free: Bytes;
  readonly missing: boolean;
  /** It is there again, and LVM calls it missing still, since its group was changed while it was away. */
  readonly returned?: true;
  /** False: `pvchange -xn`, nothing new is put on it. */
  readonly allocatable: boolean;
  /** Of a member whose disk has become smaller than LVM's extents on it reach: what the disk has now. */
  readonly cutTo?: Bytes;
  /** lvm's mark that it is in a group, also where that group is not seen. */
  readonly used?: boolean;
  /** What it has of its group's metadata cannot be read, and that of another disk serves. */
  readonly damagedCopy?: true;
}

export interface LvmVolume {
  readonly name: string;
  readonly uuid: string;
  readonly size: Bytes;
  /** Room it takes from its group, hidden parts included: twice the size when mirrored, nothing when thin. */
  readonly taken: Bytes;
  readonly tags: readonly string[];
  /** Of a snapshot: the volume it was taken from. */
  readonly origin?: string;
  /** Of a copy-on-write snapshot, whose `size` is that of its store, be the volume as large as it may. */
  readonly snapshot?: SnapshotFacts;
  readonly readOnly: boolean;
  /** `linear`, `striped`, `thin,pool`, … */
  readonly layout: string;
  /** Whether its device is there; absent where the kernel has no device-mapper, so that nobody can tell. */
  readonly active?: boolean;
  /** `253:3`, of its device where that is there. */
  readonly majorMinor?: string;
  /** Its device lets nothing through, as while lvm changes it; lvm's own report waits for that. */
  readonly suspended?: true;
  /** Its device is there, and no file in /dev leads to it: udev made none, or lost it. */
  readonly pathless?: true;
  /** Its device is there, and leads to a disk that was pulled, be it back or not: nothing can be read from it. */
  readonly detached?: boolean;
  /** LVM's word for what is wrong, such as `partial`; empty when nothing is: health.ts. */
  readonly health: string;
}

export interface SnapshotFacts {
  /** RFC 3339; absent when lvm does not know. */
  readonly takenAt?: string;
  /** Of the volume when it was taken: as large as the snapshot's own device. */
  readonly originSize: Bytes;
  /** It ran full: what it showed is lost for good. */
  readonly invalid: boolean;
}

/**
 * Reads the output of `lvm fullreport --reportformat json`; fields that are not known are passed over. Throws Fault
 * `unavailable` when it is not such a report. `ownId` is what this machine calls itself: groups of others are foreign.
 */
export function parseReport(stdout: string, ownId = ''): LvmReport {
  const sections = sectionsOf(stdout);
  return {
    groups: sections.flatMap((section) => section.vg.map((row) => groupOf(row, section, ownId))),
    orphans: sections.flatMap((section) => (section.vg.length === 0 ? section.pv.map(deviceOf) : [])),
  };
}

/** One group with its parts, or all devices that are in none. */
interface Section {
  readonly vg: readonly Row[];
  readonly pv: readonly Row[];
  readonly lv: readonly Row[];
  readonly pvseg: readonly Row[];
}

function sectionsOf(stdout: string): readonly Section[] {
  const report = reportOf(stdout);
  if (!Array.isArray(report)) throw new Fault('unavailable', 'lvm gave a report without a list of groups');
  const rows = (section: Row, key: string): readonly Row[] => {
    const value = section[key];
    return Array.isArray(value) ? (value as readonly Row[]) : [];
  };
  return (report as readonly Row[]).map((section) => ({
    vg: rows(section, 'vg').filter((row) => text(row, 'vg_name') !== ''),
    pv: rows(section, 'pv'),
    lv: rows(section, 'lv'),
    pvseg: rows(section, 'pvseg'),
  }));
}

/** Each line of a report begins with one of these. */
const OF_REPORT = /^\s*["{}[\],]/;

/**
 * lvm may say something before and after its report, and within it: each piece of the report is written as soon as it
 * is known, and what lvm says of the disks that it reads meanwhile are lines of the same stream, such as "Retrying
 * metadata scan." where the metadata on a disk is damaged, or is being written just now.
 */
function reportOf(stdout: string): unknown {
  const lines = stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1).split('\n');
  try {
    return (JSON.parse(lines.filter((line) => OF_REPORT.test(line)).join('\n')) as { report?: unknown }).report;
  } catch (error) {
    throw new Fault('unavailable', 'lvm gave a report that is not JSON', { cause: error });
  }
}

function groupOf(row: Row, { pv, lv, pvseg }: Section, ownId: string): LvmGroup {
  const systemId = text(row, 'vg_systemid');
  const extentSize = count(row, 'vg_extent_size');
  const taken = takenBy(pvseg, extentSize);
  const group = {
    name: text(row, 'vg_name'),
    uuid: text(row, 'vg_uuid'),
    total: count(row, 'vg_size'),
    free: count(row, 'vg_free'),
    extentSize,
    seqno: count(row, 'vg_seqno'),
    ...(systemId === '' ? {} : { systemId }),
    foreign: systemId !== '' && systemId !== ownId,
    exported: text(row, 'vg_exported') !== '',
    partial: text(row, 'vg_partial') !== '',
    devices: pv.map(deviceOf),
    volumes: withMoved(
      lv.map((volume) => volumeOf(volume, taken)),
      pvseg,
    ),
  };
  const rules = rulesOf(row, pvseg, extentSize);
  return { ...group, ...(rules.shared ? { shared: true } : {}), ...roomOf(group, rules) };
}

function rulesOf(row: Row, pvseg: readonly Row[], extentSize: Bytes): GroupRules {
  const lockType = text(row, 'vg_lock_type');
  return {
    maxVolumes: Number(text(row, 'max_lv') || 0),
    volumes: Number(text(row, 'lv_count') || 0),
    readOnly: text(row, 'vg_permissions').startsWith('read-only'),
    shared: text(row, 'vg_clustered') !== '' || text(row, 'vg_shared') !== '' || !['', 'none'].includes(lockType),
    policy: text(row, 'vg_allocation_policy'),
    gaps: pvseg.flatMap((segment) =>
      text(segment, 'lv_name') === '' && text(segment, 'pvseg_size') !== ''
        ? [{ pv: text(segment, 'pv_uuid'), size: bytes(count(segment, 'pvseg_size') * extentSize) }]
        : [],
    ),
  };
}

function deviceOf(row: Row): PhysicalVolume {
  const missing = text(row, 'pv_missing') !== '';
  const known = !missing && text(row, 'pv_major') !== '' && text(row, 'pv_major') !== '-1';
  return {
    device: text(row, 'pv_name'),
    uuid: text(row, 'pv_uuid'),
    ...(known ? { majorMinor: `${text(row, 'pv_major')}:${text(row, 'pv_minor')}` } : {}),
    size: count(row, 'pv_size'),
    free: count(row, 'pv_free'),
    missing,
    ...(missing && text(row, 'pv_name').startsWith('/') ? { returned: true } : {}),
    allocatable: row['pv_allocatable'] === undefined || text(row, 'pv_allocatable') !== '',
    ...present({ cutTo: missing || text(row, 'vg_name') === '' ? undefined : cutTo(row) }),
    ...present({ used: row['pv_in_use'] === undefined ? undefined : text(row, 'pv_in_use') !== '' }),
  };
}

/** Where an older lvm tells no size of the device, nothing is known. */
function cutTo(row: Row): Bytes | undefined {
  if (text(row, 'dev_size') === '' || text(row, 'pe_start') === '') return undefined;
  const now = count(row, 'dev_size');
  return now > 0 && now < count(row, 'pe_start') + count(row, 'pv_size') ? now : undefined;
}

function volumeOf(row: Row, taken: ReadonlyMap<string, Bytes>): LvmVolume {
  const name = text(row, 'lv_name');
  const named = text(row, 'origin');
  const origin = named.startsWith('[') ? '' : named; // the hidden part of a cached volume
  return {
    name,
    uuid: text(row, 'lv_uuid'),
    size: count(row, 'lv_size'),
    taken: taken.get(name) ?? NO_BYTES,
    tags: list(row, 'lv_tags'),
    ...(origin === '' ? {} : { origin }),
    ...(text(row, 'lv_role').includes('thicksnapshot') ? { snapshot: snapshotOf(row) } : {}),
    readOnly: text(row, 'lv_permissions').startsWith('read-only'),
    layout: text(row, 'lv_layout'),
    ...(typeof row['lv_active'] === 'string' ? activity(row['lv_active']) : {}),
    ...deviceNumber(text(row, 'lv_kernel_major'), text(row, 'lv_kernel_minor')),
    ...(text(row, 'lv_suspended') === 'suspended' ? { suspended: true } : {}),
    health: healthOf(text(row, 'lv_health_status')),
  };
}

/** `lv_snapshot_invalid` is a text, `unknown` where the kernel has no device-mapper. */
function snapshotOf(row: Row): SnapshotFacts {
  const seconds = Number(text(row, 'lv_time'));
  return {
    ...(seconds > 0 ? { takenAt: new Date(seconds * 1000).toISOString() } : {}),
    originSize: count(row, 'origin_size'),
    invalid: text(row, 'lv_snapshot_invalid').includes('invalid'),
  };
}

/** `active`, with more words for one that is shared; empty; `unknown`. */
const activity = (word: string): { readonly active?: boolean } => (word === 'unknown' ? {} : { active: word !== '' });

const deviceNumber = (major: string, minor: string): { readonly majorMinor?: string } =>
  /^\d+$/.test(major) && /^\d+$/.test(minor) ? { majorMinor: `${major}:${minor}` } : {};
