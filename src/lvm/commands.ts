import { present } from '../model/present.ts';
import { Fault } from '../model/fault.ts';
import type { Output, Run } from '../exec/run.ts';
import type { StateFile } from '../exec/state-file.ts';
import * as argv from './argv.ts';
import { createDamagedCopies } from './damaged-copies.ts';
import { duplicatesIn } from './duplicates.ts';
import { faultFromLvm, hasHung, isAboutLocks } from './errors.ts';
import { createKeptStates, isToBeKept, lostIn } from './kept-states.ts';
import { volumeDevicePath } from './names.ts';
import { parseReport, type LvmGroup, type LvmReport, type LvmVolume } from './report.ts';
import { createSilentDevices, type SilentDevices } from './silent-devices.ts';

export interface LvmOptions {
  readonly run: Run;
  /** LVM_SYSTEM_DIR: the folder of another lvm.conf than /etc/lvm. */
  readonly systemDir?: string;
  /** The devices that lvm may look at, asked for before every call. Absent: what lvm.conf says. */
  readonly devices?: (signal: AbortSignal) => Promise<readonly string[]>;
  /**
   * Names the time since the machine was started, for the marks of devices: device-mark.ts. Absent: nothing is known.
   */
  readonly boot?: string;
  /** Whether a device, `major:minor`, leads to a disk that was pulled. Absent: none does. */
  readonly isDetached?: (majorMinor: string) => Promise<boolean>;
  /** Whether a device is at a path. Absent: one is. */
  readonly isDevice?: (path: string) => Promise<boolean>;
  /**
   * Where it is written which devices are stopped for a group snapshot, by their mappers' UUIDs, so that the next
   * process lets them go on should this one be killed. Absent: nowhere.
   */
  readonly stopped?: StateFile<readonly string[]>;
  /** Where LVM keeps what each group is like after a change. Absent: where lvm.conf says. */
  readonly backupDir?: string;
  /** How long a report waits for locks, in ms. Absent: 15 s. */
  readonly lockWaitMs?: number;
  /** Told of every command that ended: its verb, how long it took, and whether it went well. */
  readonly onCommand?: (command: { readonly verb: string; readonly ms: number; readonly ok: boolean }) => void;
}

/** One group of this machine: by its UUID where that is known, since names may be there twice. */
export interface GroupRef {
  readonly vgName: string;
  readonly vgUuid?: string;
}

/** A look at LVM, by performance.now() when it began. */
export interface Seen extends Pick<LvmReport, 'groups'> {
  readonly at: number;
}

/** So long a look serves, in ms: lvm takes no lock between two commands, and others use it as well. */
const LOOK_MS = 5000;
const READ_TIMEOUT_MS = 60_000;
/** So long a report waits for programs that are changing something, and so long it does not wait again for one. */
const LOCK_WAIT_MS = 15_000;
const LOCK_PAUSE_MS = 60_000;
/** LVM waits for its locks, and wiping waits for the disk: a change is cut only when it has clearly hung. */
const CHANGE_TIMEOUT_MS = 300_000;

/** Whether a look may still serve. */
export const isFresh = ({ at }: Seen): boolean => performance.now() - at < LOOK_MS;

export type Commands = ReturnType<typeof createCommands>;

/** Runs lvm's commands, each on no more devices than it needs. What they throw is a Fault. */
export function createCommands(options: LvmOptions) {
  const { run, systemDir, devices, boot = '', onCommand, backupDir, lockWaitMs = LOCK_WAIT_MS } = options;
  const env = {
    LVM_SUPPRESS_FD_WARNINGS: '1',
    ...present({ LVM_SYSTEM_DIR: systemDir }),
  };
  const silent = createSilentDevices(run);
  const visible = async (signal: AbortSignal): Promise<readonly string[] | undefined> =>
    devices && silent.without(await devices(signal), signal);

  const call: Call = async (command, only, timeoutMs, signal) => {
    const start = performance.now();
    let ok = false;
    try {
      const output = await run(argv.withSettings(command, only, backupDir), { timeoutMs, env }, signal);
      ok = true;
      return output;
    } catch (error) {
      throw faultFromLvm(error);
    } finally {
      onCommand?.({ verb: command[1] ?? '', ms: performance.now() - start, ok });
    }
  };

  /** Changes what lies on `only`; absent, on whatever lvm.conf lets be seen. Resolves to what lvm said. */
  const change = async (
    command: readonly string[],
    only: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<string> => (await call(command, only, CHANGE_TIMEOUT_MS, signal)).stdout;

  /** Asked for once, and only where some group says whose it is. */
  let ownId: string | undefined;
  const ownIdOf = async (signal: AbortSignal): Promise<string> => {
    const { stdout } = await call(argv.systemId(), [], READ_TIMEOUT_MS, signal);
    const told = /^\s*system ID:[^\S\n]*(\S*)/im.exec(stdout)?.[1];
    // Taken for "none", it would make every group another machine's for as long as this process lives.
    if (told === undefined) throw new Fault('unavailable', 'lvm systemid did not tell the system ID of this machine');
    return told;
  };

  const read = createReader(call, { visible, silent }, lockWaitMs);
  const homes = createHomes();
  const withDamagedCopies = createDamagedCopies();
  const keeping = createKeeping(call, backupDir, lockWaitMs);
  const report = keeping(async (signal) => {
    const { stdout, stderr } = await read(signal);
    let seen = parseReport(stdout, ownId);
    if (ownId === undefined && seen.groups.some(({ systemId }) => systemId !== undefined)) {
      ownId = await ownIdOf(signal);
      seen = parseReport(stdout, ownId);
    }
    const duplicates = anyOf(duplicatesIn(stderr));
    const groups = withDamagedCopies(seen.groups, stderr);
    const told = { ...seen, groups, ...present({ duplicates, silent: homes.of(silent.known, groups) }) };
    return withDevices(told, options);
  });

  /** What was seen, or a new look where that is none or too old. */
  const look = async (seen: Seen | undefined, signal: AbortSignal): Promise<Seen> => {
    const at = performance.now();
    return seen && isFresh(seen) ? seen : { groups: (await report(signal)).groups, at };
  };
  const group = async (ref: GroupRef, signal: AbortSignal, seen?: Seen): Promise<LvmGroup> =>
    groupOf((await look(seen, signal)).groups, ref);

  return { change, report, look, group, visible, boot };
}

const anyOf = <T>(all: readonly T[]): readonly T[] | undefined => (all.length === 0 ? undefined : all);

type Call = (
  command: readonly string[],
  only: readonly string[] | undefined,
  timeoutMs: number,
  signal: AbortSignal,
) => Promise<Output>;

interface Seeing {
  /** The devices that lvm may look at. */
  readonly visible: (signal: AbortSignal) => Promise<readonly string[] | undefined>;
  readonly silent: SilentDevices;
}

/**
 * Returns what asks for a report. A disk that does not answer must not hide all others: lvm waits for each that it may
 * look at, so it may not look at that one any more.
 */
function createReader(
  call: Call,
  { visible, silent }: Seeing,
  lockWaitMs: number,
): (signal: AbortSignal) => Promise<Output> {
  const reader = createPatientReader(call, lockWaitMs);
  return async (signal) => {
    const only = await visible(signal);
    try {
      return await reader.read(only, signal);
    } catch (error) {
      signal.throwIfAborted();
      const answering = only && hasHung(error) ? await silent.withoutAll(only, signal) : only;
      if (answering === only || answering?.length === only?.length) throw error;
      return reader.readUnlocked(answering, signal);
    }
  };
}

/**
 * A program that hangs in any group keeps its lock, and must not hide all others: then what is written on the disks is
 * read without waiting. Changes of that group still wait, and fail.
 */
function createPatientReader(call: Call, lockWaitMs: number) {
  type Read = (only: readonly string[] | undefined, signal: AbortSignal) => Promise<Output>;
  let unlockedUntil = 0;
  const readUnlocked: Read = (only, signal) => call(argv.fullreport({ locking: false }), only, READ_TIMEOUT_MS, signal);
  const read: Read = async (only, signal) => {
    const start = performance.now();
    if (start < unlockedUntil) return readUnlocked(only, signal);
    try {
      return await call(argv.fullreport(), only, lockWaitMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      const isLate = performance.now() - start >= lockWaitMs;
      if (isAboutLocks(error)) unlockedUntil = performance.now() + LOCK_PAUSE_MS;
      else if (!isLate) throw error;
      return readUnlocked(only, signal);
    }
  };
  return { read, readUnlocked };
}

/**
 * States of groups are kept by the commands that change them (argv.withSettings), and here after changes of other
 * programs. One that cannot be kept, as while another command hangs, is not tried again until it has changed.
 */
function createKeeping(call: Call, backupDir: string | undefined, timeoutMs: number) {
  type Report = (signal: AbortSignal) => Promise<LvmReport>;
  if (backupDir === undefined) return (report: Report): Report => report;
  const read = createKeptStates(backupDir);
  const tried = new Map<string, number>();
  const update = async (groups: readonly LvmGroup[], signal: AbortSignal): Promise<void> => {
    const kept = await read(); // a change of ours that ended meanwhile has kept what it made
    for (const group of groups) {
      const { uuid, name, seqno } = group;
      if (tried.get(uuid) === seqno || !isToBeKept(group, groups, kept)) continue;
      tried.set(uuid, seqno);
      await call(argv.vgcfgbackup(name), devicesOf(group), timeoutMs, signal).catch(() => signal.throwIfAborted());
    }
  };
  return (report: Report): Report =>
    async (signal) => {
      const kept = await read(); // first: what is changed meanwhile is then in the groups, too
      const seen = await report(signal);
      await update(seen.groups, signal);
      const withLost = (group: LvmGroup): LvmGroup => ({ ...group, ...present({ lost: lostIn(group, kept) }) });
      return { ...seen, groups: seen.groups.map(withLost) };
    };
}

/** Remembers which group each device was seen in, since a report without the device does not tell. */
function createHomes() {
  const homes = new Map<string, string>();
  return {
    of: (devices: ReadonlySet<string>, groups: readonly LvmGroup[]): LvmReport['silent'] => {
      for (const { name, devices: members } of groups) for (const { device } of members) homes.set(device, name);
      return anyOf([...devices].map((device) => ({ device, ...present({ group: homes.get(device) }) })));
    },
  };
}

/** Throws Fault `not-found` when it is not there, `precondition` when only its name is known and two groups have it. */
export function groupOf<T extends { readonly name: string; readonly uuid: string }>(
  groups: readonly T[],
  { vgName, vgUuid }: GroupRef,
): T {
  const found = groups.filter(({ name, uuid }) => name === vgName && (vgUuid === undefined || uuid === vgUuid));
  const [group] = found;
  const which = vgUuid === undefined ? vgName : `${vgName} (${vgUuid})`;
  if (!group) throw new Fault('not-found', `volume group ${which} is not on this node`);
  if (found.length > 1)
    throw new Fault(
      'precondition',
      `${found.length} volume groups are called ${vgName} (${found.map(({ uuid }) => uuid).join(', ')}): rename all but one with vgrename UUID NAME`,
    );
  return group;
}

/** Those of its devices that are there. */
export const devicesOf = ({ devices }: Pick<LvmGroup, 'devices'>): readonly string[] =>
  devices.filter(({ missing }) => !missing).map(({ device }) => device);

/** With what is wrong with their devices: lvm itself calls such volumes active, and says no more. */
async function withDevices(
  { groups, ...rest }: LvmReport,
  { isDetached = no, isDevice = yes }: Pick<LvmOptions, 'isDetached' | 'isDevice'>,
): Promise<LvmReport> {
  const look = async (vgName: string, volume: LvmVolume): Promise<LvmVolume> => {
    const { majorMinor, name } = volume;
    if (majorMinor === undefined) return volume;
    const [detached, isThere] = await Promise.all([isDetached(majorMinor), isDevice(volumeDevicePath(vgName, name))]);
    return { ...volume, ...(detached ? { detached } : {}), ...(isThere ? {} : { pathless: true as const }) };
  };
  const looked = groups.map(async (group) => ({
    ...group,
    volumes: await Promise.all(group.volumes.map((volume) => look(group.name, volume))),
  }));
  return { ...rest, groups: await Promise.all(looked) };
}

const no = (): Promise<boolean> => Promise.resolve(false);
const yes = (): Promise<boolean> => Promise.resolve(true);
