import { present } from '../../model/present.ts';
import { bytes, type Bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Layout } from '../../model/storage-class.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import { isUnfinished } from '../../lvm/lvm.ts';
import { OUR_TAG, volumeDevicePath } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import { findGroup, mistaken } from './find-group.ts';

/** What is to be made unreadable before a volume is removed. */
export interface Erasure {
  readonly path: string;
  readonly size: Bytes;
  /** What makes its device lead to its disks; nothing has to. */
  readonly first?: 'activate' | 'refresh';
  /** Some of its group's disks are gone, so that its device may not come. */
  readonly partial: boolean;
}

/** Which group is meant, and which volume in it if it is there. */
export interface InGroup {
  readonly vgUuid: string;
  readonly uuid?: string;
}

/** The next thing to do for a volume. */
export type VolumeStep =
  | ({ readonly kind: 'create'; readonly sizeBytes: Bytes; readonly layout: Layout } & InGroup)
  | ({ readonly kind: 'extend'; readonly sizeBytes: Bytes } & InGroup)
  /** Its device is not there, as after a boot. */
  | ({ readonly kind: 'activate' } & InGroup)
  /** Its disk was pulled and is back. */
  | ({ readonly kind: 'refresh' } & InGroup)
  | ({ readonly kind: 'remove'; readonly erase?: Erasure } & InGroup)
  /** Its data is to be destroyed, and then nothing of it is left. */
  | { readonly kind: 'wipe'; readonly path: string; readonly filesystem?: string }
  /** It is as asked; `filesystem` is what a MountPoint volume's is known by, `InGroup` what an LVM volume is. */
  | ({
      readonly kind: 'ready';
      readonly sizeBytes: Bytes;
      readonly devicePath: string;
      readonly filesystem?: string;
    } & Partial<InGroup>)
  /** Nothing of it is left: its finalizer may go. */
  | { readonly kind: 'gone' }
  /** It is not what we may touch, or not what anybody could make of it. */
  | { readonly kind: 'refuse'; readonly reason: VolumeReason; readonly message: string };

/**
 * What an LVM volume needs, from what is asked and what is in the groups now. A volume that has been ready once and is
 * missing now is lost, and never replaced by an empty one. A logical volume without our tag is someone else's, whatever
 * its name; and so is a group, or a volume in it, that has the name and not the UUID that was recorded.
 */
export function planLvmVolume(volume: LocalVolume, groups: readonly LvmGroup[]): VolumeStep {
  const group = findGroup(volume, groups);
  if (group && 'reason' in group)
    return isNothing(volume, groups) ? { kind: 'gone' } : refuse(group.reason, group.message);
  return volume.metadata.deletionTimestamp === undefined
    ? planMaking(volume, group)
    : planRemoval(volume, group, groups);
}

/** It is to be removed, was never ready, and no group of that name has anything of it. */
const isNothing = (volume: LocalVolume, groups: readonly LvmGroup[]): boolean =>
  volume.metadata.deletionTimestamp !== undefined &&
  !hasBeenReady(volume) &&
  !groups.some(
    ({ name, volumes }) => name === volume.spec.vgName && volumes.some((found) => found.name === volume.metadata.name),
  );

function planMaking(volume: LocalVolume, group: LvmGroup | undefined): VolumeStep {
  const { vgName, name } = asked(volume);
  if (!group) return refuse('GroupMissing', `Volume group ${vgName} is not on this node: bring its disks back.`);
  if (group.foreign) return foreign(group);
  if (group.exported) return refuse('GroupExported', `Volume group ${vgName} is exported: run vgimport ${vgName}.`);
  if (group.doubt && group.uuid !== volume.status?.groupUuid) return refuse('GroupMismatch', group.doubt.message);
  const found = group.volumes.find((candidate) => candidate.name === name);
  if (!found || isUnfinished(found)) return planCreation(volume, group);
  if (!found.tags.includes(OUR_TAG))
    return refuse('NotOurs', `Logical volume ${vgName}/${name} was not made by open-local: rename it.`);
  const other = mistaken(volume, found);
  return other ? refuse(other.reason, other.message) : planServing(volume, group, found);
}

/** Its own logical volume is there. */
function planServing(volume: LocalVolume, group: LvmGroup, found: LvmVolume): VolumeStep {
  const { vgName, name, sizeBytes } = asked(volume);
  const which = { vgUuid: group.uuid, uuid: found.uuid };
  if (found.active === false) return { kind: 'activate', ...which };
  if (isRecoverable(found)) return { kind: 'refresh', ...which };
  if (found.size >= sizeBytes)
    return { kind: 'ready', sizeBytes: found.size, devicePath: volumeDevicePath(vgName, name), ...which };
  return group.doubt ? refuse('GroupMismatch', group.doubt.message) : { kind: 'extend', sizeBytes, ...which };
}

/** Its device leads to nowhere, and all its disks are there again. */
export const isRecoverable = ({ detached, health }: LvmVolume): boolean => detached === true && health === '';

function planCreation(volume: LocalVolume, { uuid: vgUuid, doubt }: LvmGroup): VolumeStep {
  const { vgName, name, sizeBytes } = asked(volume);
  if (hasBeenReady(volume))
    return refuse('VolumeLost', `Logical volume ${vgName}/${name} is gone, and its data with it: it is not made anew.`);
  if (doubt) return refuse('GroupMismatch', doubt.message);
  return { kind: 'create', sizeBytes, layout: volume.spec.layout ?? 'linear', vgUuid };
}

function planRemoval(volume: LocalVolume, group: LvmGroup | undefined, groups: readonly LvmGroup[]): VolumeStep {
  const { vgName, name } = asked(volume);
  if (!group) {
    const waits = `Volume group ${vgName} is not on this node: the volume is removed when its disks are back.`;
    return hasBeenReady(volume) ? refuse('GroupMissing', waits) : { kind: 'gone' };
  }
  const found = group.volumes.find((candidate) => candidate.name === name && candidate.tags.includes(OUR_TAG));
  if (group.foreign && (found || hasBeenReady(volume))) return foreign(group);
  if (group.doubt && !isNothing(volume, groups)) return refuse('GroupMismatch', group.doubt.message);
  return found ? planRemovalOf(found, volume, group) : planRemainder(volume, groups);
}

/** Nothing with our tag is in its group. If the volume was ready, one of its name is its data, untagged or moved. */
function planRemainder(volume: LocalVolume, groups: readonly LvmGroup[]): VolumeStep {
  const { vgName, name } = asked(volume);
  const isLeft = (found: LvmVolume): boolean => found.name === name && mistaken(volume, found) === undefined;
  const left = hasBeenReady(volume) ? groups.find(({ volumes }) => volumes.some(isLeft)) : undefined;
  if (!left) return { kind: 'gone' };
  const back = left.name === vgName ? `give it its tag ${OUR_TAG} again` : `move it back to volume group ${vgName}`;
  return refuse('NotOurs', `Logical volume ${left.name}/${name} may have the data of this volume: ${back}.`);
}

function planRemovalOf(found: LvmVolume, volume: LocalVolume, group: LvmGroup): VolumeStep {
  const other = mistaken(volume, found);
  if (other) return refuse(other.reason, other.message);
  const erase = erasureOf(found, group);
  return { kind: 'remove', vgUuid: group.uuid, uuid: found.uuid, ...present({ erase }) };
}

/**
 * Nobody has had what is not finished; what has snapshots stays, as lvm will say; and without device-mapper there are
 * no devices.
 */
function erasureOf(volume: LvmVolume, { name, partial, volumes }: LvmGroup): Erasure | undefined {
  const { active, size } = volume;
  if (isUnfinished(volume) || active === undefined || volumes.some(({ origin }) => origin === volume.name))
    return undefined;
  const first: Erasure['first'] = active ? (isRecoverable(volume) ? 'refresh' : undefined) : 'activate';
  return { path: volumeDevicePath(name, volume.name), size, partial, ...present({ first }) };
}

const foreign = ({ name, systemId }: LvmGroup): VolumeStep =>
  refuse('GroupForeign', `Volume group ${name} belongs to the machine ${systemId}, not to this one.`);

/** Its size is told once it is there, and never taken back. */
export const hasBeenReady = ({ status }: LocalVolume): boolean => status?.sizeBytes !== undefined;

const asked = ({ metadata, spec }: LocalVolume) => ({
  vgName: spec.vgName ?? '',
  name: metadata.name ?? '',
  sizeBytes: bytes(spec.sizeBytes),
});

const refuse = (reason: VolumeReason, message: string): VolumeStep => ({ kind: 'refuse', reason, message });
