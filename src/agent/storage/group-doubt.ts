import type { LocalVolume } from '../../model/local-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { isMarkedFor, isMarkedIn } from '../../lvm/device-mark.ts';
import type { CopiedDevice, GroupDoubt, LvmGroup } from '../../lvm/report.ts';
import type { ForgottenVolume } from './forgotten-volumes.ts';
import { parseNameFilter } from '../../model/name-pattern.ts';
import { KNOWN_GROUPS } from '../../model/well-known.ts';
import { compareText } from './conditions.ts';

/** A name that a volume group of this node was seen to have, and the UUID of that group. */
export interface KnownGroup {
  readonly name: string;
  readonly uuid: string;
}

/**
 * Which group each name means: as the node's status recorded it at first sight, and where that has nothing, as its
 * volumes recorded it when they were made.
 */
export function knownGroups(
  status: NodeLocalStorage['status'],
  volumes: Iterable<LocalVolume>,
): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const { spec, status: made } of volumes)
    if (spec.vgName !== undefined && made?.groupUuid !== undefined) known.set(spec.vgName, made.groupUuid);
  for (const { name, uuid } of status?.knownGroups ?? []) known.set(name, uuid);
  return known;
}

/**
 * The groups that the node had before its object was made anew; undefined where it was not. That its agent has reported
 * since makes no difference: they are the node's all the same.
 */
export function groupsBefore(nls: NodeLocalStorage | undefined): ReadonlyMap<string, string> | undefined {
  const text = nls?.metadata.annotations?.[KNOWN_GROUPS];
  if (text === undefined) return undefined;
  try {
    return new Map((JSON.parse(text) as KnownGroup[]).map(({ name, uuid }) => [name, uuid]));
  } catch {
    return new Map();
  }
}

/** What else is known of groups. */
interface SeenBesides {
  /** Names the time since the machine was started: device-mark.ts. */
  readonly boot?: string;
  /** Disks that carry the physical volumes of others. */
  readonly copies?: readonly CopiedDevice[];
  /** Volumes that are active, and that their groups have no more. */
  readonly forgotten?: readonly ForgottenVolume[];
}

/**
 * The groups, each with the doubt that there is about it: whether it is the one that its name meant when it was first
 * seen, on which disks it is, and whether its metadata has all of its volumes.
 */
export function withDoubts(
  groups: readonly LvmGroup[],
  known: ReadonlyMap<string, string>,
  { boot = '', copies = [], forgotten = [] }: SeenBesides = {},
): readonly LvmGroup[] {
  return groups.map((group) => {
    const same = groups.filter(({ name }) => name === group.name);
    const meant = isMadeHere(group, boot) ? group.uuid : known.get(group.name);
    const doubt =
      doubtAbout(group, same, meant) ??
      doubtAboutDisks(group, meant, copies) ??
      doubtAboutLocks(group, meant) ??
      doubtAboutMetadata(group, meant, forgotten);
    return doubt ? { ...group, doubt } : group;
  });
}

/** Whether an agent made the group on this machine since that was started: in place of one whose disks were lost. */
const isMadeHere = ({ name, devices }: LvmGroup, boot: string): boolean =>
  boot !== '' && devices.length > 0 && devices.every(({ uuid }) => isMarkedFor(name, uuid) && isMarkedIn(boot, uuid));

function doubtAbout(group: LvmGroup, same: readonly LvmGroup[], recorded: string | undefined): GroupDoubt | undefined {
  const { name, uuid } = group;
  const isRecorded = uuid === recorded;
  if (same.length > 1) {
    const which = same
      .toSorted((a, b) => compareText(a.uuid, b.uuid))
      .map(described)
      .join(' and ');
    const meant =
      recorded === undefined
        ? 'None of them is known to be the node’s'
        : `The node’s is ${recorded}${same.some((other) => other.uuid === recorded) ? '' : ', which is not there'}`;
    return {
      reason: 'DuplicateName',
      recorded: isRecorded,
      message: `${same.length} volume groups are called ${name}: ${which}. ${meant}; nothing is made, grown or removed in any of them. Rename the one that does not belong here: vgrename UUID NEWNAME.`,
    };
  }
  if (recorded === undefined || isRecorded) return undefined;
  return {
    reason: 'OtherGroup',
    recorded: false,
    message: `Volume group ${name} is not the one that was here: ${described(group)} has its name, and ${recorded} had it. Nothing is made or removed in it. If the first one comes back, rename this one: vgrename ${uuid} NEWNAME. If this one is to be used, take ${name} off the node's configuration, wait until this condition is gone, and name it there again.`,
  };
}

/** After a boot lvm may choose the copy, which has what the disk had when it was copied. */
function doubtAboutDisks(
  { name, uuid, devices }: LvmGroup,
  recorded: string | undefined,
  copies: readonly CopiedDevice[],
): GroupDoubt | undefined {
  const pairs = copies.flatMap((copy) => {
    const member = devices.find((pv) => pv.uuid === copy.uuid);
    return member ? [`${copy.device} (LVM uses ${member.device} now)`] : [];
  });
  if (pairs.length === 0) return undefined;
  return {
    reason: 'DuplicateDevice',
    recorded: uuid === recorded,
    message: `The physical volumes of volume group ${name} (${uuid}) are there twice: also on ${pairs.join(', ')}. One is a copy of the other, and LVM may use either after a boot. Nothing is made, grown, started or removed in the group. Take the copy off this machine, or make a group of its own of it: vgimportclone DEVICE.`,
  };
}

/** LVM refuses whatever open-local would do there, since nobody holds the locks for it. */
function doubtAboutLocks({ name, uuid, shared }: LvmGroup, recorded: string | undefined): GroupDoubt | undefined {
  if (!shared) return undefined;
  return {
    reason: 'SharedGroup',
    recorded: uuid === recorded,
    message: `Volume group ${name} (${uuid}) is one that machines share under the locks of lvmlockd, which open-local does not take. Nothing is made, grown, started or removed in it here. If this machine alone uses it, make it an ordinary one (lvmlockd(8)): vgchange --lock-type none ${name}, and with --lock-opt force where no lvmlockd runs any more.`,
  };
}

/** What is made there now may overwrite them. */
function doubtAboutMetadata(
  { name, uuid, lost }: LvmGroup,
  recorded: string | undefined,
  forgotten: readonly ForgottenVolume[],
): GroupDoubt | undefined {
  const active = forgotten.filter(({ groupUuid }) => groupUuid === uuid).map((volume) => volume.name);
  const inactive = lost?.names.filter((volume) => !active.includes(volume)) ?? [];
  if (active.length + inactive.length === 0) return undefined;
  const named = (names: readonly string[], what: string): readonly string[] =>
    names.length === 0 ? [] : [`${names.toSorted(compareText).join(', ')}, which ${what}`];
  const what = [...named(active, 'this node has active'), ...named(inactive, 'it had when the agent last changed it')];
  const restore = lost
    ? `bring that state back while no pod uses the group (vgcfgrestore --file ${lost.file} ${name}), or, where the state of now is meant and nobody needs these volumes, remove that file`
    : 'restore a state of the metadata that has all volumes of the group (vgcfgrestore(8))';
  const newer = lost?.newer.toSorted(compareText).join(', ') ?? '';
  const loses = newer === '' ? '' : ` That state does not have ${newer}: save first what is there, too.`;
  return {
    reason: 'MetadataLost',
    recorded: uuid === recorded,
    message: `The metadata of volume group ${name} (${uuid}) has lost ${what.join(', and ')}: another program wrote it without LVM's locks, or an older state was restored. Their room counts as free: nothing is made, grown or removed in the group. Before the node is started again save what they hold, or ${restore}.${loses}`,
  };
}

const described = ({ uuid, devices }: LvmGroup): string =>
  `${uuid} on ${devices.map(({ device }) => device).join(', ')}`;

/**
 * What is to be recorded: the UUID of each group that the configuration names or matches, from its first sight until
 * the configuration no longer does. A pattern that cannot be read makes nothing be forgotten.
 */
export function recordGroups(nls: NodeLocalStorage, groups: readonly LvmGroup[]): KnownGroup[] {
  const isNamed = namedBy(nls);
  const before = (nls.status?.knownGroups ?? []).filter(({ name }) => isNamed(name));
  const known = new Map(before.map(({ name, uuid }) => [name, uuid]));
  for (const { name, uuid, doubt, foreign, exported } of groups)
    if (!doubt && !foreign && !exported && isNamed(name)) known.set(name, uuid);
  return [...known].map(([name, uuid]) => ({ name, uuid })).toSorted((a, b) => compareText(a.name, b.name));
}

/** Whether the configuration is about a group of that name. */
export function namedBy({ spec }: NodeLocalStorage): (name: string) => boolean {
  const listed = new Set((spec?.resourceToBeInited?.vgs ?? []).map(({ name }) => name));
  try {
    const { holds: isManaged } = parseNameFilter(spec?.listConfig?.vgs ?? {});
    return (name) => listed.has(name) || isManaged(name);
  } catch {
    return () => true;
  }
}
