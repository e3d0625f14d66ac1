import { formatBytes } from '../../model/bytes.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import { Fault } from '../../model/fault.ts';
import { present } from '../../model/present.ts';
import { adviceForOrphan } from '../../disk/advice.ts';
import { inspectDevice, useOf, type DeviceFacts, type Finding } from '../../disk/inspect.ts';
import { isMarkedFor } from '../../lvm/device-mark.ts';
import { isNameTooLong, lvmName, TOO_LONG } from '../../lvm/names.ts';
import type { LvmGroup, SilentDevice } from '../../lvm/report.ts';
import { ofSystemId } from '../../lvm/system-id.ts';

export interface WantedGroup {
  readonly name: string;
  readonly devices: readonly string[];
}

/** What is to be done for one group of the list, and what will not be done and why. */
export interface GroupPlan {
  readonly name: string;
  /** Absent when there is nothing to do, or nothing that may be done. Devices by the path their names lead to. */
  readonly step?: GroupStep;
  readonly refused: readonly Refused[];
  /** Why the whole group is left alone. */
  readonly problem?: Problem;
  /** What is wrong with a group that is used all the same. */
  readonly flaw?: Problem;
  /** Why not all of its free room can be given: LvmGroup.kept. */
  readonly kept?: readonly string[];
}

export interface GroupStep {
  readonly kind: 'create' | 'extend';
  /** Of the group that is extended. */
  readonly uuid?: string;
  readonly devices: readonly string[];
  /** Those that an earlier try of ours, which was cut, has begun to prepare: they are made blank first. */
  readonly begun?: readonly string[];
}

export interface Refused {
  readonly device: string;
  readonly finding: Pick<Finding, 'what' | 'todo'>;
}

export interface Problem {
  readonly reason: EventReason;
  readonly message: string;
}

/**
 * What is left to do, from what is wanted and what is there. Groups are made and extended with blank devices only;
 * nothing is ever shrunk or removed, that is a person's decision. A refused device does not stop the others. `facts`
 * has an entry for every device wanted; `silent` are those that LVM could not be let look at.
 */
export function planVolumeGroups(
  wanted: readonly WantedGroup[],
  groups: readonly LvmGroup[],
  facts: ReadonlyMap<string, DeviceFacts>,
  silent: readonly SilentDevice[] = [],
): readonly GroupPlan[] {
  const names = new Set(wanted.map(({ name }) => name));
  const listings = countListings(wanted, facts);
  return [...names].map((name) => {
    const listed = wanted.filter((group) => group.name === name);
    const devices = listed.flatMap((group) => group.devices);
    const found = groups.find((group) => group.name === name);
    const problem =
      problemOf(name, listed.length, devices, found) ??
      (found
        ? undefined
        : (silentProblem({ name, devices }, facts, silent) ?? unreadProblem({ name, devices }, facts)));
    return problem ? { name, refused: [], problem } : planGroup({ name, devices }, found, facts, listings);
  });
}

function problemOf(
  name: string,
  times: number,
  devices: readonly string[],
  found: LvmGroup | undefined,
): Problem | undefined {
  if (times > 1)
    return {
      reason: 'DuplicateGroup',
      message: `Volume group ${name} is listed ${times} times: list it once, with all its devices.`,
    };
  const invalid = nameProblem(name);
  if (invalid !== undefined) return { reason: 'InvalidName', message: `${invalid}.` };
  if (found) return stateProblem(found);
  if (isNameTooLong(name)) return { reason: 'InvalidName', message: `${name} ${TOO_LONG}.` };
  if (devices.length === 0)
    return { reason: 'NoDevices', message: `Volume group ${name} does not exist and no device is listed for it.` };
  return undefined;
}

/** A group may be on a disk that does not answer, and another one of its name must not be made beside it. */
function silentProblem(
  { name, devices }: WantedGroup,
  facts: ReadonlyMap<string, DeviceFacts>,
  silent: readonly SilentDevice[],
): Problem | undefined {
  const places = new Set(devices.map((device) => facts.get(device)?.resolved ?? device));
  const found = silent.filter(({ device, group }) => group === name || places.has(device));
  if (found.length === 0) return undefined;
  const message = `Volume group ${name} may be on ${pathsOf(found)}, which does not answer: it is not made anew.`;
  return { reason: 'DevicesMissing', message };
}

/** As silentProblem, of one that the node had: its metadata may be damaged on the disk, and be restored. */
function unreadProblem({ name, devices }: WantedGroup, facts: ReadonlyMap<string, DeviceFacts>): Problem | undefined {
  const [first, ...more] = devices.flatMap((device) => {
    const known = facts.get(device);
    const mayHaveIt = known?.orphan?.isUsed === true && known.ties?.absentGroups?.includes(name) === true;
    return mayHaveIt && !isBegun(known, name, undefined) ? [known] : [];
  });
  if (!first) return undefined;
  const paths = [first, ...more].map(({ path }) => path).join(', ');
  const todo = adviceForOrphan(first.resolved ?? first.path, true, {});
  return {
    reason: 'DevicesMissing',
    message: `Volume group ${name}, which this node had, may be on ${paths}, where LVM has a group that it does not show: it is not made anew. ${todo}`,
  };
}

/** Why a group that is there is left alone. */
function stateProblem(found: LvmGroup): Problem | undefined {
  const { name } = found;
  if (found.doubt) return found.doubt;
  if (found.foreign) return { reason: 'Foreign', message: ofSystemId(found) };
  if (found.exported)
    return {
      reason: 'Exported',
      message: `Volume group ${name} is exported: run vgimport ${name} if it is to be used here.`,
    };
  const cut = found.devices.flatMap(({ device, cutTo }) =>
    cutTo === undefined ? [] : [`${device}, which has ${formatBytes(cutTo)} now`],
  );
  if (cut.length > 0)
    return {
      reason: 'DeviceShrunk',
      message: `Volume group ${name} has extents beyond the end of ${cut.join(' and ')}: make the disk as large as it was. Nothing is made or grown in the group until then; volumes that reach beyond the end have lost data.`,
    };
  return partialProblem(found);
}

/** What is the matter with a group that lacks disks. */
export function partialProblem({ name, partial, devices, volumes }: LvmGroup): Problem | undefined {
  if (!partial) return undefined;
  const missing = devices.filter((device) => device.missing);
  // Of what is on several disks at once, a part that was away is older than the others.
  const isSimple = volumes.every(({ layout }) => !/raid|mirror/.test(layout));
  const message =
    isSimple && missing.length > 0 && missing.every(({ returned }) => returned)
      ? `Volume group ${name} was changed while ${pathsOf(missing)} was away, and LVM calls it missing though it is back: vgextend --restoremissing ${name} ${pathsOf(missing, ' ')} takes it in again.`
      : `Volume group ${name} misses devices: bring them back, and see that no filter hides them.`;
  return { reason: 'DevicesMissing', message };
}

/** What is the matter with a group of which LVM cannot read every copy of the metadata. */
export function damageProblem({ name, devices, foreign, exported }: LvmGroup): Problem | undefined {
  const damaged = devices.filter(({ damagedCopy }) => damagedCopy);
  if (damaged.length === 0 || foreign || exported) return undefined;
  const where = pathsOf(damaged);
  const mend = `vgck --updatemetadata ${name}`;
  const anew = damaged.map(({ device }) => `pvck --repairtype metadata --file FILE ${device}`);
  return {
    reason: 'MetadataDamaged',
    message:
      `The metadata of volume group ${name} cannot be read on ${where}: the group serves by the copies on its other ` +
      `disks, and each change is written to them alone. See what dmesg and smartctl say of ${where}; where that is ` +
      `sound, have its copy written anew on the node: ${mend}. Should LVM say that it is not repairing it: ` +
      `${[`vgcfgbackup --file FILE ${name}`, ...anew, mend].join(' && ')}.`,
  };
}

const pathsOf = (devices: readonly { readonly device: string }[], between = ', '): string =>
  devices.map(({ device }) => device).join(between);

function nameProblem(name: string): string | undefined {
  try {
    lvmName(name);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

/** How often each disk is listed, whatever names and paths are used for it. */
function countListings(
  wanted: readonly WantedGroup[],
  facts: ReadonlyMap<string, DeviceFacts>,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const path of wanted.flatMap(({ devices }) => devices)) {
    const disk = identityOf(facts.get(path) ?? { path, mountedAt: [] });
    counts.set(disk, (counts.get(disk) ?? 0) + 1);
  }
  return counts;
}

/** Two paths to one disk tell the same worldwide name; the size is for disks whose makers gave them all the same. */
function identityOf({ path, resolved, device }: DeviceFacts): string {
  return device?.worldwideName === undefined ? (resolved ?? path) : `${device.worldwideName} ${device.size}`;
}

function planGroup(
  { name, devices }: WantedGroup,
  found: LvmGroup | undefined,
  facts: ReadonlyMap<string, DeviceFacts>,
  listings: ReadonlyMap<string, number>,
): GroupPlan {
  const listed = [...new Set(devices)].map((device) => facts.get(device) ?? { path: device, mountedAt: [] });
  const members = listed.filter(({ group }) => group === name); // done
  const others = listed.filter(({ group }) => group !== name);
  const judged = others.map((known) => {
    const isOurs = isBegun(known, name, found);
    const isTwice = (listings.get(identityOf(known)) ?? 0) > 1;
    return { known, isOurs, finding: isTwice ? LISTED_TWICE : findingOf(known, isOurs) };
  });
  const sectors = sectorsOf(
    members,
    judged.flatMap(({ known, finding }) => (finding ? [] : [known])),
  );
  const accepted: string[] = [];
  const begun: string[] = [];
  const refused: Refused[] = [];
  for (const { known, isOurs, finding: seen } of judged) {
    const finding = seen ?? otherSectors(known, sectors);
    const place = known.resolved ?? known.path;
    if (finding) refused.push({ device: known.path, finding });
    else accepted.push(place);
    if (isOurs && !finding) begun.push(place);
  }
  const kept = found && found.kept.length > 0 ? { kept: found.kept } : {};
  const flaw = found && damageProblem(found);
  return { name, refused, ...stepOf(found, accepted, begun), ...present({ flaw }), ...kept };
}

/** The sizes of sectors that disks of a group may have: those of its members, or of the first that is to be one. */
function sectorsOf(members: readonly DeviceFacts[], candidates: readonly DeviceFacts[]): ReadonlySet<number> {
  const known = (facts: readonly DeviceFacts[]): readonly number[] =>
    facts.flatMap(({ device }) => device?.sectorBytes ?? []);
  const ofMembers = known(members);
  return new Set(ofMembers.length > 0 ? ofMembers : known(candidates).slice(0, 1));
}

/** LVM would refuse the disk, and those that are to come with it. */
function otherSectors({ device }: DeviceFacts, sectors: ReadonlySet<number>): Refused['finding'] | undefined {
  const own = device?.sectorBytes;
  if (own === undefined || sectors.size === 0 || sectors.has(own)) return undefined;
  return {
    what: `has sectors of ${own} bytes, and the other disks of the group have sectors of ${[...sectors].join(' and ')}`,
    todo: 'List it for a group of its own: what grows from one to the other could not be mounted any more.',
  };
}

function stepOf(found: LvmGroup | undefined, devices: readonly string[], begun: readonly string[]) {
  if (devices.length === 0) return {};
  const kind = found ? ({ kind: 'extend', uuid: found.uuid } as const) : ({ kind: 'create' } as const);
  return { step: { ...kind, devices, ...(begun.length === 0 ? {} : { begun }) } };
}

/**
 * Whether the device is what our own try for this very group left when it was cut: LVM has it under our mark, nothing
 * uses it, and it never was in a group. Proof that it never was a member: its metadata area holds at most the sequence
 * number that the interrupted vgcreate would have written. A real member also holds an older one. (A group that was
 * removed in its first state never had a volume.)
 */
function isBegun(facts: DeviceFacts, name: string, found: LvmGroup | undefined): boolean {
  const { group, orphan, ...rest } = facts;
  if (group !== '' || !orphan || !isMarkedFor(name, orphan.uuid) || useOf(rest)) return false;
  const { busy, unreadable, signatures, lvmStates } = facts.probe ?? { busy: true, signatures: [] };
  if (busy || unreadable !== undefined || !lvmStates) return false;
  const next = (found?.seqno ?? 0) + 1;
  return signatures.every(({ type }) => type === 'LVM2_member') && lvmStates.every((state) => state === next);
}

const BEING_MADE = {
  what: 'is being put into the group by another agent, or was by one that was killed',
  todo: 'It is taken up again in a quarter of an hour if nobody has by then.',
};

const LISTED_TWICE = { what: 'is listed more than once', todo: 'List it once, under one name and by one path.' };

function findingOf(facts: DeviceFacts, isBegun: boolean): Refused['finding'] | undefined {
  if (isBegun) return facts.orphan?.isOver ? undefined : BEING_MADE;
  const inspection = inspectDevice(facts);
  return inspection.blank ? undefined : inspection.finding;
}
