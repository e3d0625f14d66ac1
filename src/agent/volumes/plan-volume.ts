import { present } from '../../model/present.ts';
import { bytes } from '../../model/bytes.ts';
import { isCopy } from '../../model/copies.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { isUnfinished } from '../../lvm/create-volumes.ts';
import { ailmentOf } from '../../lvm/health.ts';
import { FILLED_TAG, OUR_TAG, volumeDevicePath } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import { findGroup, mistaken, movedAway } from './find-group.ts';
import { planTogether } from './plan-group-snapshot.ts';
import { keptBy, planReader, planSnapshot, planTaking } from './plan-snapshot.ts';
import { foreign, notOurs, unfitGroup } from './unfit-group.ts';
import { hasBeenReady, refuse, type Erasure, type VolumeStep } from './volume-step.ts';

export type { Erasure, InGroup, VolumeStep } from './volume-step.ts';
export { hasBeenReady } from './volume-step.ts';

/**
 * What an LVM volume needs, from what is asked and what is in the groups now. A volume that has been ready once and is
 * missing now is lost, and never replaced by an empty one. A logical volume without our tag is someone else's, whatever
 * its name; and so is a group, or a volume in it, that has the name and not the UUID that was recorded. `others` are
 * the node's LocalVolumes by name.
 */
export function planLvmVolume(
  volume: LocalVolume,
  groups: readonly LvmGroup[],
  others: ReadonlyMap<string, LocalVolume> = new Map(),
): VolumeStep {
  const { source, readOnly } = volume.spec;
  if (readOnly) return planReader(volume, groups, others.get(source?.snapshot ?? ''));
  const group = findGroup(volume, groups);
  if (group && 'reason' in group)
    return isNothing(volume, groups) ? { kind: 'gone' } : refuse(group.reason, group.message);
  return volume.metadata.deletionTimestamp === undefined
    ? planMaking(volume, group, groups, others)
    : planRemoval(volume, group, groups, others);
}

/** It is to be removed, was never ready, and no group of that name has anything of it. */
const isNothing = (volume: LocalVolume, groups: readonly LvmGroup[]): boolean =>
  volume.metadata.deletionTimestamp !== undefined &&
  !hasBeenReady(volume) &&
  !groups.some(
    ({ name, volumes }) => name === volume.spec.vgName && volumes.some((found) => found.name === volume.metadata.name),
  );

type Others = ReadonlyMap<string, LocalVolume>;

function planMaking(
  volume: LocalVolume,
  group: LvmGroup | undefined,
  groups: readonly LvmGroup[],
  others: Others,
): VolumeStep {
  const { vgName, name } = asked(volume);
  if (!group) return refuse('GroupMissing', `Volume group ${vgName} is not on this node: bring its disks back.`);
  const closed = notOurs(group);
  if (closed) return closed;
  if (group.doubt && group.uuid !== volume.status?.groupUuid) return refuse('GroupMismatch', group.doubt.message);
  const found = group.volumes.find((candidate) => candidate.name === name);
  const away = movedAway(volume, groups);
  if (away) return refuse(away.reason, away.message);
  if (!found || isUnfinished(found))
    return volume.spec.groupSnapshot === undefined
      ? planCreation(volume, group, others)
      : planTogether(volume, groups, others);
  return planFound(volume, group, found);
}

/** A logical volume of its name is there. */
function planFound(volume: LocalVolume, group: LvmGroup, found: LvmVolume): VolumeStep {
  const isOurs = found.tags.includes(OUR_TAG);
  if (!isOurs && !volume.spec.adopted)
    return refuse('NotOurs', `Logical volume ${group.name}/${found.name} was not made by open-local: rename it.`);
  const other = mistaken(volume, found);
  if (other) return refuse(other.reason, other.message);
  return isOurs ? planServing(volume, group, found) : planAdoption(volume, group, found);
}

/** Nothing is changed but the tag; what is not whole stays as it is until it is. */
function planAdoption({ spec }: LocalVolume, group: LvmGroup, { uuid, origin, health, name }: LvmVolume): VolumeStep {
  if (group.doubt) return refuse('GroupMismatch', group.doubt.message);
  const ailment = ailmentOf({ health: group.partial ? 'partial' : health });
  if (ailment !== undefined)
    return refuse('GroupFaulty', `Logical volume ${group.name}/${name} ${ailment}. It is adopted when it is whole.`);
  const isSnapshot = spec.role === 'Snapshot';
  if (isSnapshot ? origin !== spec.source?.volume : origin !== undefined)
    return refuse('VolumeMismatch', `Logical volume ${group.name}/${name} ${originOf(origin)}: it is left alone.`);
  return { kind: 'adopt', vgUuid: group.uuid, uuid };
}

const originOf = (origin: string | undefined): string =>
  origin === undefined ? 'is no snapshot' : `is a snapshot of ${origin}`;

/** Its own logical volume is there. */
function planServing(volume: LocalVolume, group: LvmGroup, found: LvmVolume): VolumeStep {
  const { vgName, name, sizeBytes } = asked(volume);
  const which = { vgUuid: group.uuid, uuid: found.uuid };
  const start = planStart(group, found);
  if (start) return start;
  if (volume.spec.role === 'Snapshot') return planSnapshot(volume, { which, found, group });
  if (found.size < sizeBytes) return planGrowth(volume, group, found);
  const isWhole = hasBeenReady(volume) || found.tags.includes(FILLED_TAG);
  const kind = isCopy(volume) && !isWhole ? 'copy' : 'ready';
  return { kind, sizeBytes: found.size, devicePath: volumeDevicePath(vgName, name), ...which };
}

/** Undefined when its device is there. Of a disk that is there twice, LVM may choose the copy. */
function planStart(group: LvmGroup, found: LvmVolume): VolumeStep | undefined {
  const { uuid: vgUuid, doubt } = group;
  if (found.active !== false && !isRecoverable(found)) return undefined;
  if (doubt?.reason === 'DuplicateDevice') return refuse('ActivationFailed', doubt.message);
  const away = found.active === false ? group.volumes.filter((each) => isStoreAway(each, found)) : [];
  if (away.length > 0) return refuse('ActivationFailed', startsWithout(away, group, found));
  return { kind: found.active === false ? 'activate' : 'refresh', vgUuid, uuid: found.uuid };
}

/** LVM starts a volume with all of its snapshots, and none of them where the disks of a store are away. */
const isStoreAway = ({ origin, health }: LvmVolume, { name }: LvmVolume): boolean =>
  origin === name && health.includes('partial');

/**
 * LVM itself says to start it partially. What is written to it then is not kept for the snapshot, which knows nothing
 * of that and is called whole as soon as its disks are back.
 */
function startsWithout(away: readonly LvmVolume[], { name: vgName }: LvmGroup, { name }: LvmVolume): string {
  const snapshots = away.map((snapshot) => `${vgName}/${snapshot.name}`).join(' ');
  return (
    `LVM starts ${vgName}/${name} together with its snapshots, and the disks of ${snapshots} are away: bring them back. ` +
    `If they never will be: lvremove ${snapshots} on the node, and delete the VolumeSnapshot. With --activationmode ` +
    'partial the snapshot would show wrong data once the disks are back.'
  );
}

function planGrowth(volume: LocalVolume, group: LvmGroup, { active, uuid }: LvmVolume): VolumeStep {
  const { name, sizeBytes } = asked(volume);
  const snapshots = group.volumes.filter(({ origin }) => origin === name);
  if (snapshots.length > 0 && active) return { kind: 'wait', reason: 'HasSnapshots', message: cannotGrow(snapshots) };
  if (group.doubt) return refuse('GroupMismatch', group.doubt.message);
  return unfitGroup(group) ?? { kind: 'extend', sizeBytes, vgUuid: group.uuid, uuid };
}

/** lvextend(8) of lvm2: "Snapshot origin volumes can be resized only while inactive". */
const cannotGrow = (snapshots: readonly LvmVolume[]): string =>
  `LVM grows no volume that has snapshots (${snapshots.map(({ name }) => name).join(', ')}): it grows when they are deleted.`;

/**
 * Its device leads to nowhere, and all its disks are there again; or a program that had stopped it was killed, so that
 * whoever writes to it waits for ever; or its path is gone.
 */
export const isRecoverable = ({ detached, suspended, pathless, health }: LvmVolume): boolean =>
  suspended === true || pathless === true || (detached === true && health === '');

function planCreation(volume: LocalVolume, group: LvmGroup, others: Others): VolumeStep {
  const { role, source } = volume.spec;
  if (volume.spec.adopted) {
    const missing = `Logical volume ${volume.spec.vgName}/${volume.metadata.name} is not there`;
    return refuse('VolumeLost', `${missing}, though it was adopted: it is not made anew.`);
  }
  if (role === 'Snapshot') return planTaking(volume, group, others.get(source?.volume ?? ''));
  const { uuid: vgUuid, doubt } = group;
  const { vgName, name, sizeBytes } = asked(volume);
  if (hasBeenReady(volume) && doubt?.reason === 'MetadataLost') return refuse('VolumeLost', doubt.message);
  if (hasBeenReady(volume))
    return refuse('VolumeLost', `Logical volume ${vgName}/${name} is gone, and its data with it: it is not made anew.`);
  if (doubt) return refuse('GroupMismatch', doubt.message);
  return unfitGroup(group) ?? { kind: 'create', sizeBytes, layout: volume.spec.layout ?? 'linear', vgUuid };
}

function planRemoval(
  volume: LocalVolume,
  group: LvmGroup | undefined,
  groups: readonly LvmGroup[],
  others: Others,
): VolumeStep {
  const { vgName, name } = asked(volume);
  if (!group) {
    const waits = `Volume group ${vgName} is not on this node: the volume is removed when its disks are back.`;
    return hasBeenReady(volume) ? refuse('GroupMissing', waits) : { kind: 'gone' };
  }
  const found = group.volumes.find((candidate) => candidate.name === name && candidate.tags.includes(OUR_TAG));
  if (group.foreign && (found || hasBeenReady(volume))) return foreign(group);
  if (group.doubt && !isNothing(volume, groups)) return refuse('GroupMismatch', group.doubt.message);
  return found ? planRemovalOf(found, volume, group, others) : planRemainder(volume, groups);
}

/** Nothing with our tag is in its place. If the volume was ready, one of its UUID or name is its data. */
function planRemainder(volume: LocalVolume, groups: readonly LvmGroup[]): VolumeStep {
  const { vgName, name } = asked(volume);
  const away = movedAway(volume, groups);
  if (away) return refuse(away.reason, away.message);
  const isLeft = (found: LvmVolume): boolean => found.name === name && mistaken(volume, found) === undefined;
  const left = hasBeenReady(volume) ? groups.find(({ volumes }) => volumes.some(isLeft)) : undefined;
  if (!left) return { kind: 'gone' };
  const back = left.name === vgName ? `give it its tag ${OUR_TAG} again` : `move it back to volume group ${vgName}`;
  return refuse('NotOurs', `Logical volume ${left.name}/${name} may have the data of this volume: ${back}.`);
}

function planRemovalOf(found: LvmVolume, volume: LocalVolume, group: LvmGroup, others: Others): VolumeStep {
  const other = mistaken(volume, found);
  if (other) return refuse(other.reason, other.message);
  const kept = keptBy(found, group, others.values());
  if (kept) return kept;
  const which = { vgUuid: group.uuid, uuid: found.uuid };
  // Nobody has had what is not finished, but the store of a snapshot has old content of its source from the start.
  const isClean = isUnfinished(found) && volume.spec.role !== 'Snapshot';
  if (!isClean && (group.partial || lacksDisks(found))) return refuse('GroupFaulty', waitsForDisks(volume));
  if (found.snapshot) return { kind: 'split', ...which };
  const erase = isClean ? undefined : erasureOf(found, group);
  return { kind: 'remove', ...which, ...present({ erase }) };
}

/**
 * LVM would remove it all the same: when its disks are back, their extents are free, and the next volume there has its
 * bytes. And whatever is changed in a group while disks are away has LVM call them missing when they are back, until
 * somebody says vgextend --restoremissing: nothing can be made in the group, and their volumes do not start.
 */
const lacksDisks = ({ health }: LvmVolume): boolean => health.includes('partial');

function waitsForDisks({ metadata: { name }, spec: { vgName } }: LocalVolume): string {
  const away = `Volume group ${vgName} lacks disks, and nothing is removed from it while they are away`;
  return `${away}: logical volume ${vgName}/${name} is erased and removed when they are back. If they never will be: kubectl open-local release volume ${name} --reason WHY.`;
}

/** Without device-mapper there are no devices, and nothing was ever written. */
function erasureOf(volume: LvmVolume, { name }: LvmGroup): Erasure | undefined {
  const { active, size } = volume;
  if (active === undefined) return undefined;
  const first: Erasure['first'] = active ? (isRecoverable(volume) ? 'refresh' : undefined) : 'activate';
  return { path: volumeDevicePath(name, volume.name), size, ...present({ first }) };
}

const asked = ({ metadata, spec }: LocalVolume) => ({
  vgName: spec.vgName ?? '',
  name: metadata.name ?? '',
  sizeBytes: bytes(spec.sizeBytes),
});
