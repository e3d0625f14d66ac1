import { bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { isUnfinished } from '../../lvm/create-volumes.ts';
import type { LvmGroup } from '../../lvm/report.ts';
import { findGroup, findVolume } from './find-group.ts';
import { planTaking } from './plan-snapshot.ts';
import { notOurs, unfitGroup } from './unfit-group.ts';
import { hasBeenReady, refuse, type SnapshotToTake, type VolumeStep } from './volume-step.ts';

type Others = ReadonlyMap<string, LocalVolume>;

const nameOf = ({ metadata }: LocalVolume): string => metadata.name ?? '';
const sourceOf = ({ spec }: LocalVolume): string => spec.source?.volume ?? '';

/** The snapshots that are taken together with this one, itself among them, in the order of their names. */
export function partnersOf({ spec }: LocalVolume, others: Others): readonly LocalVolume[] {
  if (spec.groupSnapshot === undefined) return [];
  const isPartner = (other: LocalVolume): boolean =>
    other.spec.groupSnapshot === spec.groupSnapshot && other.metadata.deletionTimestamp === undefined;
  return [...others.values()].filter(isPartner).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/**
 * A part of a group snapshot that is not there, or not finished. The first of the parts, by name, takes all of them in
 * one step, once all are asked for. Where one is finished, all were taken at one moment; where some are there and none
 * is finished, their taking was cut, and each may be of another moment: they are taken anew by nobody, and go with
 * their LocalVolumes, for which CreateVolumeGroupSnapshot sees.
 */
export function planTogether(volume: LocalVolume, groups: readonly LvmGroup[], others: Others): VolumeStep {
  const { groupSnapshot = '', groupSources = [] } = volume.spec;
  const partners = partnersOf(volume, others);
  const found = partners.flatMap((partner) => findVolume(partner, groups) ?? []);
  if (partners.some(hasBeenReady) || found.some((one) => !isUnfinished(one))) return planFinish(volume, groups);
  const missing = groupSources.filter((source) => !partners.some((partner) => sourceOf(partner) === source));
  if (missing.length > 0)
    return { kind: 'later', message: `Is taken when the snapshots of ${missing.join(', ')} are asked for, too.` };
  const [first = volume] = partners;
  if (nameOf(first) !== nameOf(volume)) return { kind: 'later', message: `Is taken together with ${nameOf(first)}.` };
  if (found.length > 0)
    return refuse(
      'GroupSnapshotFailed',
      `Group snapshot ${groupSnapshot} was cut while it was taken: what there is of it may be of several moments. It is removed, and can be asked for again.`,
    );
  return planAll(partners, groups, others);
}

function planFinish(volume: LocalVolume, groups: readonly LvmGroup[]): VolumeStep {
  const found = findVolume(volume, groups);
  const group = found && groups.find(({ volumes }) => volumes.includes(found));
  if (group) return unfitGroup(group) ?? { kind: 'finish', vgUuid: group.uuid, uuid: found.uuid };
  const { vgName, groupSnapshot } = volume.spec;
  return refuse(
    'VolumeLost',
    `Snapshot ${vgName}/${nameOf(volume)} is gone, and the others of group snapshot ${groupSnapshot} are there: one that is taken now would show another moment.`,
  );
}

function planAll(partners: readonly LocalVolume[], groups: readonly LvmGroup[], others: Others): VolumeStep {
  const snapshots: SnapshotToTake[] = [];
  for (const partner of partners) {
    const group = findGroup(partner, groups);
    if (!group) return refuse('GroupMissing', `Volume group ${partner.spec.vgName} is not on this node.`);
    if ('reason' in group) return refuse(group.reason, group.message);
    const closed = notOurs(group);
    if (closed) return closed;
    const step = planTaking(partner, group, others.get(sourceOf(partner)));
    if (step.kind !== 'take') return step;
    const { vgUuid, origin, originUuid } = step;
    snapshots.push({
      ...{ vgName: group.name, vgUuid, name: nameOf(partner), origin, originUuid },
      sizeBytes: bytes(partner.spec.sizeBytes),
    });
  }
  return { kind: 'together', snapshots };
}
