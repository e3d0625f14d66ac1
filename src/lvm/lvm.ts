import type { Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import type { Output, Run } from '../exec/run.ts';
import * as argv from './argv.ts';
import type { NewVolume } from './argv.ts';
import { newDeviceMark } from './device-mark.ts';
import { faultFromLvm, isLargeEnoughAlready } from './errors.ts';
import { OUR_TAG, UNFINISHED_TAG } from './names.ts';
import { parseReport, type LvmGroup, type LvmReport, type LvmVolume } from './report.ts';
import { stripesFor } from './stripes.ts';

/** Devices that are to be in a group. */
export interface GroupDevices {
  readonly name: string;
  readonly devices: readonly string[];
}

/**
 * What we ask of LVM. Every verb may be repeated after it was cut at any point, and throws Fault. Changes of one group
 * must come one after another.
 */
export interface Lvm {
  report(signal: AbortSignal): Promise<LvmReport>;
  /** Devices must be blank: one that carries a signature makes the call fail, and is not written to. */
  createGroup(group: GroupDevices, signal: AbortSignal): Promise<void>;
  extendGroup(group: GroupDevices, signal: AbortSignal): Promise<void>;
  /**
   * Done when it is there, ours, and large enough. Throws `exhausted` without room, `conflict` when the name is someone
   * else's.
   */
  createVolume(volume: NewVolume, signal: AbortSignal): Promise<void>;
  /** Done when it is that large already. */
  extendVolume(
    volume: { readonly vgName: string; readonly name: string; readonly sizeBytes: Bytes },
    signal: AbortSignal,
  ): Promise<void>;
  /** Makes the device of a volume appear; done when it is there. */
  activateVolume(volume: { readonly vgName: string; readonly name: string }, signal: AbortSignal): Promise<void>;
  /** Makes the device of an active volume lead to its disks as they are now. */
  refreshVolume(volume: { readonly vgName: string; readonly name: string }, signal: AbortSignal): Promise<void>;
  /** Done when it is gone already. Throws `precondition` while it is in use or has snapshots. */
  removeVolume(volume: { readonly vgName: string; readonly name: string }, signal: AbortSignal): Promise<void>;
}

export interface LvmOptions {
  readonly run: Run;
  /** LVM_SYSTEM_DIR: the folder of another lvm.conf than /etc/lvm. */
  readonly systemDir?: string;
  /**
   * Names the time since the machine was started, for the marks of devices: device-mark.ts. Absent: nothing is known of
   * it.
   */
  readonly boot?: string;
  /** Whether a device, `major:minor`, leads to a disk that was pulled. Absent: none does. */
  readonly isDetached?: (majorMinor: string) => Promise<boolean>;
  /** Told of every command that ended: its verb, how long it took, and whether it went well. */
  readonly onCommand?: (command: { readonly verb: string; readonly ms: number; readonly ok: boolean }) => void;
}

const READ_TIMEOUT_MS = 60_000;
/** LVM waits for its locks, and wiping waits for the disk: a change is cut only when it has clearly hung. */
const CHANGE_TIMEOUT_MS = 300_000;

/** The lvm program of this machine. */
export function createLvm(options: LvmOptions): Lvm {
  const commands = createCommands(options);
  const { call, change, read, groupNamed } = commands;
  return {
    report: (signal) => read(undefined, signal),
    createGroup: (group, signal) => join(commands, group, argv.vgcreate(group.name, group.devices), signal),
    extendGroup: (group, signal) => join(commands, group, argv.vgextend(group.name, group.devices), signal),
    createVolume: (volume, signal) => createVolume(commands, volume, signal),

    extendVolume: async ({ vgName, name, sizeBytes }, signal) => {
      try {
        await call(argv.lvextend(vgName, name, sizeBytes), CHANGE_TIMEOUT_MS, signal);
      } catch (error) {
        if (!isLargeEnoughAlready(error)) throw faultFromLvm(error);
      }
    },

    activateVolume: ({ vgName, name }, signal) => change(argv.activate(vgName, name), signal),

    refreshVolume: ({ vgName, name }, signal) => change(argv.refresh(vgName, name), signal),

    removeVolume: async ({ vgName, name }, signal) => {
      const group = await groupNamed(vgName, signal);
      if (!group.volumes.some((volume) => volume.name === name)) return;
      assertNoSnapshots(group, name);
      await change(argv.lvremove(vgName, name), signal);
    },
  };
}

/**
 * Gives each device a mark before its group takes it (device-mark.ts), so that the rest of a try that is cut can be
 * told from somebody's data. A try that fails takes the marks off again.
 */
async function join(
  { change, boot }: Commands,
  { name, devices }: GroupDevices,
  command: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const marked: string[] = [];
  try {
    for (const device of devices) {
      await change(argv.pvcreate(newDeviceMark(name, boot), device), signal);
      marked.push(device);
    }
    await change(command, signal);
  } catch (error) {
    signal.throwIfAborted();
    for (const device of marked) await change(argv.pvremove(device), signal).catch(() => {}); // the first failure is told
    throw error;
  }
}

type Commands = ReturnType<typeof createCommands>;

function createCommands({ run, systemDir, boot = '', isDetached, onCommand }: LvmOptions) {
  const env = {
    LVM_SUPPRESS_FD_WARNINGS: '1',
    ...(systemDir === undefined ? {} : { LVM_SYSTEM_DIR: systemDir }),
  };

  const call = async (command: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<Output> => {
    const start = performance.now();
    let ok = false;
    try {
      const output = await run(command, { timeoutMs, env }, signal);
      ok = true;
      return output;
    } finally {
      onCommand?.({ verb: command[1] ?? '', ms: performance.now() - start, ok });
    }
  };

  const change = async (command: readonly string[], signal: AbortSignal): Promise<void> => {
    await call(command, CHANGE_TIMEOUT_MS, signal).catch((error: unknown) => {
      throw faultFromLvm(error);
    });
  };

  /** Asked for once, and only where some group says whose it is. */
  let ownId: string | undefined;
  const ownIdOf = async (signal: AbortSignal): Promise<string> => {
    const { stdout } = await call(argv.systemId(), READ_TIMEOUT_MS, signal).catch((error: unknown) => {
      throw faultFromLvm(error);
    });
    return /^\s*system ID:[^\S\n]*(\S*)/im.exec(stdout)?.[1] ?? '';
  };

  const read = async (vgName: string | undefined, signal: AbortSignal): Promise<LvmReport> => {
    const { stdout } = await call(argv.fullreport(vgName), READ_TIMEOUT_MS, signal).catch((error: unknown) => {
      throw faultFromLvm(error);
    });
    let report = parseReport(stdout, ownId);
    if (ownId === undefined && report.groups.some(({ systemId }) => systemId !== undefined)) {
      ownId = await ownIdOf(signal);
      report = parseReport(stdout, ownId);
    }
    return isDetached ? withDetached(report, isDetached) : report;
  };

  const groupNamed = async (name: string, signal: AbortSignal): Promise<LvmGroup> => {
    const { groups } = await read(name, signal);
    const group = groups.find((candidate) => candidate.name === name);
    if (!group) throw new Fault('not-found', `volume group ${name} is not on this node`);
    return group;
  };

  return { call, change, read, groupNamed, boot };
}

/** lvm itself calls such a volume active, and says no more. */
async function withDetached(
  { groups, orphans }: LvmReport,
  isDetached: NonNullable<LvmOptions['isDetached']>,
): Promise<LvmReport> {
  const look = async (volume: LvmVolume): Promise<LvmVolume> =>
    volume.majorMinor !== undefined && (await isDetached(volume.majorMinor)) ? { ...volume, detached: true } : volume;
  const looked = groups.map(async (group) => ({ ...group, volumes: await Promise.all(group.volumes.map(look)) }));
  return { groups: await Promise.all(looked), orphans };
}

async function createVolume(commands: Commands, volume: NewVolume, signal: AbortSignal): Promise<void> {
  const { change, groupNamed } = commands;
  const { vgName, name, sizeBytes, layout } = volume;
  const stripes = layout === 'striped' ? stripesFor(await groupNamed(vgName, signal), sizeBytes) : 1;
  const command = argv.lvcreate(volume, stripes);
  try {
    await change(command, signal);
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'conflict') throw error;
    if ((await settleExisting(commands, volume, signal)) === 'done') return;
    await change(command, signal);
  }
  await change(argv.markFinished(vgName, name), signal);
}

/** What bears the name already may be ours and whole, or the rest of a try that was cut, which goes. */
async function settleExisting(
  { change, groupNamed }: Commands,
  volume: NewVolume,
  signal: AbortSignal,
): Promise<'done' | 'gone'> {
  const { vgName, name } = volume;
  const found = (await groupNamed(vgName, signal)).volumes.find((candidate) => candidate.name === name);
  if (!found) return 'gone';
  if (!isUnfinished(found)) {
    assertSame(volume, found);
    return 'done';
  }
  await change(argv.lvremove(vgName, name), signal);
  return 'gone';
}

/** Made by a try of ours that was cut: nobody has been given it. */
export const isUnfinished = (volume: Pick<LvmVolume, 'tags'>): boolean =>
  volume.tags.includes(OUR_TAG) && volume.tags.includes(UNFINISHED_TAG);

/** Throws Fault `conflict` unless the volume that bears the name is ours and as large as asked. */
export function assertSame(wanted: NewVolume, found: Pick<LvmVolume, 'tags' | 'size'>): void {
  const what = `logical volume ${wanted.vgName}/${wanted.name}`;
  if (!found.tags.includes(OUR_TAG)) throw new Fault('conflict', `${what} exists and was not made by open-local`);
  if (found.size < wanted.sizeBytes)
    throw new Fault(
      'conflict',
      `${what} exists with ${found.size} bytes, fewer than the ${wanted.sizeBytes} asked for`,
    );
}

/** Throws Fault `precondition`: lvremove would take the snapshots of a volume along, without asking. */
export function assertNoSnapshots(group: Pick<LvmGroup, 'name' | 'volumes'>, name: string): void {
  const snapshots = group.volumes.filter(({ origin }) => origin === name).map((volume) => volume.name);
  if (snapshots.length > 0)
    throw new Fault(
      'precondition',
      `logical volume ${group.name}/${name} has snapshots (${snapshots.join(', ')}): remove them first`,
    );
}
