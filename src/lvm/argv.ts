import { roundUp, bytes, type Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import { STORE_CHUNK } from '../model/snapshot-store.ts';
import type { Layout } from '../model/storage-class.ts';
import { deviceFilter } from './device-filter.ts';
import { OUR_TAG, UNFINISHED_TAG, lvmName } from './names.ts';

/**
 * One function per lvm command that we issue. None of them ever says --force, and only new logical volumes are wiped.
 */

/** LVM takes sizes in whole sectors only; it rounds them up to extents itself. */
const SECTOR = bytes(512);

const lvm = (...args: readonly string[]): string[] => ['lvm', ...args];

const size = (value: Bytes): string => `${roundUp(value, SECTOR)}b`;

const volumePath = (vgName: string, name: string): string => `${lvmName(vgName)}/${lvmName(name)}`;

function devicePaths(devices: readonly string[]): readonly string[] {
  const bad = devices.find((device) => !device.startsWith('/'));
  if (bad !== undefined) throw new Fault('invalid', `"${bad}" is not a device path: it must start with "/"`);
  return devices;
}

const FIELDS = {
  vg: 'vg_name,vg_uuid,vg_size,vg_free,vg_extent_size,vg_seqno,vg_systemid,vg_exported,vg_partial,vg_tags,max_lv,lv_count,vg_permissions,vg_clustered,vg_shared,vg_lock_type,vg_allocation_policy',
  pv: 'pv_name,pv_uuid,pv_size,pv_free,dev_size,pe_start,pv_missing,pv_major,pv_minor,pv_allocatable,pv_in_use,vg_name',
  lv: 'lv_name,lv_uuid,lv_size,lv_tags,origin,origin_size,lv_role,lv_time,lv_snapshot_invalid,lv_suspended,lv_layout,lv_permissions,lv_health_status,lv_active,lv_kernel_major,lv_kernel_minor',
  pvseg: 'pv_uuid,pvseg_size,lv_name,lv_parent',
  seg: 'segtype',
} as const;

/**
 * Everything about all groups in a single read; groups of other machines, and those that machines share under
 * lvmlockd's locks, too, since their disks are taken. Never asked by name: lvm passes over groups whose name is there
 * twice. Without `locking` what another program is changing just now may be seen as it was or as it will be.
 */
export function fullreport({ locking = true } = {}): string[] {
  const fields = Object.entries(FIELDS).flatMap(([report, names]) => ['--configreport', report, '-o', names]);
  const lock = locking ? [] : ['--nolocking'];
  return lvm(
    'fullreport',
    ...lock,
    '--foreign',
    '--shared',
    '--reportformat',
    'json',
    '--units',
    'b',
    '--nosuffix',
    ...fields,
  );
}

const REPORT_FORM =
  'log { command_names=0 prefix="  " report_command_log=0 } report { binary_values_as_numeric=0 compact_output=0 ' +
  'compact_output_cols="" list_item_separator="," mark_hidden_devices=1 output_format="basic" prefixes=0 ' +
  'time_format="%s" two_word_unknown_device=0 }';

/**
 * The command with what lvm is told on every call. `devices` are those that it may look at, and no others: our filter
 * stands in for that of lvm.conf, whose global_filter holds as well, and volumes are no devices. Absent: what lvm.conf
 * says. Hints of what a device carried (/run/lvm/hints) are never used: other programs on the machine change devices
 * without ours hearing of it. What a group is like is kept in `backupDir`, one file a group, for whoever has to restore
 * it (vgcfgrestore(8)); absent: where lvm.conf says. It is not kept by commands that change nothing of a group: those
 * too would write what they find, also where that is an older state. No archives are written: each change would add
 * three files.
 * Nothing is given to dmeventd to watch: it would be started in our container, and may be told to grow snapshots
 * without the ledger. What lacks disks is not started, whatever lvm.conf says: errors in place of its bytes would be
 * repaired by e2fsck, and a snapshot whose store is away would be wrong. Reports have the form that report.ts reads,
 * whatever lvm.conf says of them, and what is said beside them is on stderr; times are seconds since 1970. Nothing is
 * only tried. lvm.conf(5), lvmdevices(8).
 */
export function withSettings(command: readonly string[], devices?: readonly string[], backupDir?: string): string[] {
  const [program = 'lvm', verb = '', ...rest] = command;
  const isChange = !READERS.has(verb) && !rest.some((word) => WITHOUT_CHANGE.has(word));
  const filter = devices === undefined ? '' : ` use_devicesfile=0 scan_lvs=0 filter=${deviceFilter(devices)}`;
  const kept =
    backupDir === undefined
      ? ''
      : ` backup=${Number(isChange)} backup_dir="${backupDir.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  const others = `global { test=0 } backup { archive=0${kept} } activation { activation_mode="degraded" monitoring=0 }`;
  return [program, verb, '--config', `${others} ${REPORT_FORM} devices { hints="none"${filter} }`, ...rest];
}

const READERS: ReadonlySet<string> = new Set(['fullreport', 'systemid', 'vgmknodes']);
const WITHOUT_CHANGE: ReadonlySet<string> = new Set(['--activate', '--refresh']);

/** What this machine calls itself in the groups it makes; empty where it calls itself nothing. */
export const systemId = (): string[] => lvm('systemid');

/** Makes a device LVM's, under an identifier of our choice. Without --yes, as vgcreate. */
export const pvcreate = (uuid: string, device: string): string[] =>
  lvm('pvcreate', '--uuid', uuid, '--norestorefile', '--', ...devicePaths([device]));

/** Undoes pvcreate; lvm refuses it for a device of a group. */
export const pvremove = (device: string): string[] => lvm('pvremove', '--', ...devicePaths([device]));

/** Without --yes: should a signature have appeared on a device, lvm asks, finds nobody there to answer, and refuses. */
export const vgcreate = (name: string, devices: readonly string[]): string[] =>
  lvm('vgcreate', '--', lvmName(name), ...devicePaths(devices));

/** Without --yes, as vgcreate. */
export const vgextend = (name: string, devices: readonly string[]): string[] =>
  lvm('vgextend', '--', lvmName(name), ...devicePaths(devices));

export interface NewVolume {
  readonly vgName: string;
  /** The group of that name that is meant; absent: the only one. */
  readonly vgUuid?: string;
  readonly name: string;
  readonly sizeBytes: Bytes;
  readonly layout: Layout;
  /** Runs what is done for this volume among others, for whoever tells it apart. Absent: it is done as it is. */
  readonly inside?: <T>(work: () => T) => T;
}

/** A new volume, its first bytes and known signatures wiped, tagged as ours and as not finished. */
export function lvcreate({ vgName, name, sizeBytes }: NewVolume, stripes: number): string[] {
  const tags = ['--addtag', OUR_TAG, '--addtag', UNFINISHED_TAG];
  const wipe = ['--yes', '--wipesignatures', 'y', '--zero', 'y'];
  const layout = stripes > 1 ? ['--stripes', String(stripes)] : [];
  const wanted = ['--size', size(sizeBytes), '--name', lvmName(name)];
  return lvm('lvcreate', ...wipe, ...tags, ...layout, ...wanted, '--', lvmName(vgName));
}

export interface NewSnapshot {
  readonly vgName: string;
  /** The group of that name that is meant; absent: the only one. */
  readonly vgUuid?: string;
  readonly name: string;
  /** Of the store that takes the old content of what is overwritten. */
  readonly sizeBytes: Bytes;
  /** The volume that is snapshotted. */
  readonly origin: string;
  readonly originUuid?: string;
}

/**
 * A copy-on-write snapshot, tagged as ours and as not finished. The kernel has the filesystem on the volume written out
 * and frozen while lvm makes it. The chunks are the smallest ones: a larger one is copied whole for every page that is
 * written.
 */
export function lvcreateSnapshot({ vgName, name, sizeBytes, origin }: NewSnapshot): string[] {
  const tags = ['--addtag', OUR_TAG, '--addtag', UNFINISHED_TAG];
  const wanted = ['--chunksize', size(STORE_CHUNK), '--size', size(sizeBytes), '--name', lvmName(name)];
  return lvm('lvcreate', '--snapshot', '--yes', ...tags, ...wanted, '--', volumePath(vgName, origin));
}

/**
 * Makes an ordinary volume of a snapshot's store, so that its bytes can be erased: what is written to the snapshot's
 * own device is added to the store. lvmsnapshot(7), lvconvert(8).
 */
export const splitSnapshot = (vgName: string, name: string): string[] =>
  lvm('lvconvert', '--yes', '--splitsnapshot', '--', volumePath(vgName, name));

/** Keeps what a group is like: see withSettings. */
export const vgcfgbackup = (vgName: string): string[] => lvm('vgcfgbackup', '--', lvmName(vgName));

/** One logical volume that was seen, and its group. */
export interface SeenVolume {
  readonly vgName: string;
  readonly vgUuid: string;
  readonly name: string;
  readonly uuid: string;
}

/** lvm takes another volume of the name, or in another group of that name, for none: it does nothing, and ends well. */
const onlyIt = ({ vgUuid, uuid }: SeenVolume): string => `vg_uuid=${vgUuid} && lv_uuid=${uuid}`;

const onIt = (volume: SeenVolume): readonly string[] => [
  ...['--select', onlyIt(volume)],
  ...['--', volumePath(volume.vgName, volume.name)],
];

/** Ends the making of volumes of one group. */
export const markFinished = ({ name, uuid, names }: { name: string; uuid: string; names: readonly string[] }) =>
  lvm(
    'lvchange',
    ...['--deltag', UNFINISHED_TAG, '--select', `vg_uuid=${uuid}`],
    ...['--', ...names.map((volume) => volumePath(name, volume))],
  );

/** Gives a volume a tag of ours. */
export const addTag = (volume: SeenVolume, tag: string): string[] => lvm('lvchange', '--addtag', tag, ...onIt(volume));

/**
 * Makes its device appear, which LVM leaves to udev after a boot, also of one that somebody marked to be skipped. It
 * does not start one that lacks devices.
 */
export const activate = (volume: SeenVolume): string[] =>
  lvm('lvchange', '--activate', 'y', '--ignoreactivationskip', ...onIt(volume));

/** Makes the device of a volume that is active lead to its disks as they are now, also while it is in use. */
export const refresh = (volume: SeenVolume): string[] => lvm('lvchange', '--refresh', ...onIt(volume));

/**
 * Makes the files in /dev that lead to the device of a volume that is active, and changes nothing else: where udev
 * makes them, the other commands leave that to it. It has no --select: look first.
 */
export const makePath = ({ vgName, name }: SeenVolume): string[] => lvm('vgmknodes', '--', volumePath(vgName, name));

/** lvextend has no --select: look first. */
export const lvextend = (vgName: string, name: string, sizeBytes: Bytes): string[] =>
  lvm('lvextend', '--size', size(sizeBytes), '--', volumePath(vgName, name));

/**
 * --yes because lvm asks about every active volume; it still refuses one that is open. It would take snapshots along,
 * and passes over a volume that has any.
 */
export const lvremove = (volume: SeenVolume): string[] =>
  lvm(
    'lvremove',
    ...['--yes', '--select', `${onlyIt(volume)} && lv_role!={origin}`],
    ...['--', volumePath(volume.vgName, volume.name)],
  );
