import { present } from '../model/present.ts';
import type { Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import * as argv from './argv.ts';
import type { NewSnapshot, NewVolume, SeenVolume } from './argv.ts';
import { createCommands, devicesOf, type Commands, type GroupRef, type LvmOptions, type Seen } from './commands.ts';
import { createVolumes, isUnfinished } from './create-volumes.ts';
import { newDeviceMark } from './device-mark.ts';
import { readFill, type SnapshotFill } from './fill.ts';
import { isLargeEnoughAlready } from './errors.ts';
import { createTogether, resumeLeft } from './group-snapshot.ts';
import { removeLeftBackups } from './left-backups.ts';
import { FILLED_TAG, OUR_TAG } from './names.ts';
import type { LvmGroup, LvmReport, LvmVolume } from './report.ts';
import { assertIsIt, type VolumeRef } from './same-volume.ts';
import { assertNoSnapshots, assertOrigin, assertSameSnapshot, assertSnapshotOf } from './snapshots.ts';
import { loadSnapshotTarget } from './snapshot-target.ts';

export type { GroupRef, LvmOptions, Seen } from './commands.ts';
export type { SnapshotFill } from './fill.ts';
export type { VolumeRef } from './same-volume.ts';

/** Devices that are to be in a group. */
export interface GroupDevices {
  readonly name: string;
  /** Of the group that is to have more of them. */
  readonly uuid?: string;
  readonly devices: readonly string[];
}

/**
 * What we ask of LVM. Every verb may be repeated after it was cut at any point, and throws Fault: `not-found` when the
 * group is not there, or only another of its name, and `precondition` when two have the name and it is not said which
 * is meant, or when the volume of that name is another. Changes of one group must come one after another. `seen` is
 * what was seen since whatever the verb depends on was changed; where it is absent, the verb looks for itself.
 */
export interface Lvm {
  report(signal: AbortSignal): Promise<LvmReport>;
  /** Devices must be blank: one that carries a signature makes the call fail, and is not written to. */
  createGroup(group: GroupDevices, signal: AbortSignal): Promise<void>;
  extendGroup(group: GroupDevices, signal: AbortSignal): Promise<void>;
  /**
   * Makes volumes of one group, and says of each how it went: done when it is there, ours, and large enough;
   * `exhausted` without room, `conflict` when the name is someone else's, `unavailable` while another agent makes it.
   * Throws when it is aborted only.
   */
  createVolumes(
    volumes: readonly NewVolume[],
    signal: AbortSignal,
    seen?: Seen,
  ): Promise<readonly PromiseSettledResult<void>[]>;
  /**
   * Done when it is there, ours, of that volume, and as large as asked or as a store can be. Throws `exhausted` without
   * room, `not-found` without the volume, `conflict` when the name is someone else's, `precondition` without
   * device-mapper.
   */
  createSnapshot(snapshot: NewSnapshot, signal: AbortSignal): Promise<void>;
  /**
   * Takes snapshots of several volumes, in one group or more, at one moment: all or, when it throws, none that is
   * finished. Meanwhile writers wait, for a bounded time. Throws as `createSnapshot`, besides `conflict` for what is
   * there already, `unavailable` when the time was over, and `precondition` for a volume that is not active.
   */
  createSnapshots(snapshots: readonly NewSnapshot[], signal: AbortSignal): Promise<void>;
  /**
   * Lets volumes go on that an earlier process stopped for `createSnapshots`, and was killed, and removes what killed
   * commands left beside the backups of groups. To be called before anything else. Needs nobody but this machine.
   */
  resumeLeft(signal: AbortSignal): Promise<void>;
  /** Ends the making of a snapshot of several, another of which is finished. */
  finishSnapshot(volume: VolumeRef, signal: AbortSignal): Promise<void>;
  /** Gives a volume that another program made our tag; nothing else of it changes. Done when it has it. */
  adoptVolume(volume: VolumeRef, signal: AbortSignal): Promise<void>;
  /** Marks a volume for good as filled from another one. Done when it is. */
  markFilled(volume: VolumeRef, signal: AbortSignal): Promise<void>;
  /** Makes an ordinary volume of a snapshot's store, which can be erased; done when it is one. */
  splitSnapshot(volume: VolumeRef, signal: AbortSignal): Promise<void>;
  /** How full the stores of all active snapshots are: no disk is read, no lock is taken. */
  fill(signal: AbortSignal): Promise<readonly SnapshotFill[]>;
  /** Done when it is that large already. Throws `precondition` for an active volume that has snapshots. */
  extendVolume(volume: VolumeRef & { readonly sizeBytes: Bytes }, signal: AbortSignal, seen?: Seen): Promise<void>;
  /** Makes the device of a volume appear; done when it is there. */
  activateVolume(volume: VolumeRef, signal: AbortSignal, seen?: Seen): Promise<void>;
  /** Makes the device of an active volume lead to its disks as they are now, and its path to the device. */
  refreshVolume(volume: VolumeRef, signal: AbortSignal, seen?: Seen): Promise<void>;
  /**
   * Resolves to whether the volume is gone for certain: lvm said that it removed it, or it was gone already. Otherwise
   * what is there is no more what was seen, and was left alone. Throws `precondition` while it is in use or has
   * snapshots.
   */
  removeVolume(volume: VolumeRef, signal: AbortSignal, seen?: Seen): Promise<boolean>;
}

/** lvremove ends with 0 as well when nothing was selected: lv_remove_single of lvm2's metadata/lv_manip.c. */
const REMOVED = /^\s*Logical volume ".*" successfully removed/m;

/** The lvm program of this machine. */
export function createLvm(options: LvmOptions): Lvm {
  const commands = createCommands(options);
  const { change, report } = commands;
  return {
    report,

    createGroup: async (group, signal) => {
      const visible = await commands.visible(signal); // all of it, so that a name that is taken is refused
      assertVisible(group.devices, visible);
      await join(commands, group, argv.vgcreate(group.name, group.devices), visible, signal);
    },

    extendGroup: async (group, signal) => {
      const found = await commands.group(refOf(group), signal);
      assertVisible(group.devices, await commands.visible(signal));
      await join(commands, group, argv.vgextend(group.name, group.devices), devicesOf(found), signal);
    },

    createVolumes: (volumes, signal, seen) => createVolumes(commands, volumes, seen, signal),

    ...snapshotVerbs(commands, options),

    adoptVolume: (volume, signal) => tag(commands, volume, OUR_TAG, signal),
    markFilled: (volume, signal) => tag(commands, volume, FILLED_TAG, signal),

    extendVolume: async (volume, signal, seen) => {
      const { group } = await volumeOf(commands, volume, signal, seen);
      try {
        await change(argv.lvextend(volume.vgName, volume.name, volume.sizeBytes), devicesOf(group), signal);
      } catch (error) {
        if (!(error instanceof Fault) || !isLargeEnoughAlready(error.cause)) throw error;
      }
    },

    activateVolume: async (volume, signal, seen) => {
      const { group, found } = await volumeOf(commands, volume, signal, seen);
      if (group.volumes.some(({ origin }) => origin !== undefined)) await loadSnapshotTarget(options.run, signal);
      await change(argv.activate(seenVolume(volume, group, found)), devicesOf(group), signal);
    },

    refreshVolume: async (volume, signal, seen) => {
      const { group, found } = await volumeOf(commands, volume, signal, seen);
      const it = seenVolume(volume, group, found);
      const isPathAlone = found?.pathless && !found.detached && !found.suspended;
      if (!isPathAlone) await change(argv.refresh(it), devicesOf(group), signal);
      if (found?.pathless) await change(argv.makePath(it), devicesOf(group), signal);
    },

    removeVolume: async (volume, signal, seen) => {
      const { group, found } = await volumeOf(commands, volume, signal, seen);
      if (!found) return true;
      assertNoSnapshots(group, volume.name);
      return REMOVED.test(await change(argv.lvremove(seenVolume(volume, group, found)), devicesOf(group), signal));
    },
  };
}

type SnapshotVerb = 'createSnapshot' | 'createSnapshots' | 'resumeLeft' | 'finishSnapshot' | 'splitSnapshot' | 'fill';

function snapshotVerbs(commands: Commands, options: LvmOptions): Pick<Lvm, SnapshotVerb> {
  const { change } = commands;
  const { run } = options;
  return {
    createSnapshot: async (snapshot, signal) => {
      await loadSnapshotTarget(run, signal);
      await createSnapshot(commands, snapshot, signal);
    },

    createSnapshots: async (snapshots, signal) => {
      await loadSnapshotTarget(run, signal);
      await createTogether(commands, options, snapshots, signal);
    },

    resumeLeft: async (signal) => {
      await resumeLeft(options, signal);
      if (options.backupDir !== undefined) await removeLeftBackups(options.backupDir, Date.now());
    },

    finishSnapshot: async (volume, signal) => {
      const { group, found } = await volumeOf(commands, volume, signal);
      if (found && !isUnfinished(found)) return;
      await change(argv.markFinished({ ...group, names: [volume.name] }), devicesOf(group), signal);
    },

    splitSnapshot: async (volume, signal) => {
      const { group, found } = await volumeOf(commands, volume, signal);
      if (found?.origin === undefined) return;
      await change(argv.splitSnapshot(volume.vgName, volume.name), devicesOf(group), signal);
    },

    fill: (signal) => readFill(run, signal),
  };
}

/**
 * Throws Fault `precondition` for a device that lvm may not look at: it is, or leads to, what somebody else writes to.
 */
function assertVisible(devices: readonly string[], visible: readonly string[] | undefined): void {
  const hidden = devices.filter((device) => visible && !visible.includes(device));
  if (hidden.length > 0)
    throw new Fault('precondition', `${hidden.join(', ')} leads to a volume, or to no disk of this machine`);
}

const refOf = ({ name, uuid }: GroupDevices): GroupRef => ({
  vgName: name,
  ...present({ vgUuid: uuid }),
});

async function tag(commands: Commands, volume: VolumeRef, wanted: string, signal: AbortSignal): Promise<void> {
  const { group, found } = await volumeOf(commands, volume, signal);
  if (found?.tags.includes(wanted)) return;
  // LVM would take the disks that are away for missing when they are back.
  if (group.partial)
    throw new Fault('unavailable', `volume group ${group.name} lacks disks, and nothing in it is changed meanwhile`);
  await commands.change(argv.addTag(seenVolume(volume, group, found), wanted), devicesOf(group), signal);
}

async function volumeOf(commands: Commands, volume: VolumeRef, signal: AbortSignal, seen?: Seen) {
  const group = await commands.group(volume, signal, seen);
  const found = group.volumes.find(({ name }) => name === volume.name);
  if (found) assertIsIt(volume, found);
  return { group, found };
}

/** Throws Fault `not-found` for one that is not there. */
function seenVolume({ vgName, name }: VolumeRef, { uuid: vgUuid }: LvmGroup, found?: LvmVolume): SeenVolume {
  if (!found) throw new Fault('not-found', `logical volume ${vgName}/${name} is not there`);
  return { vgName, vgUuid, name, uuid: found.uuid };
}

/**
 * Gives each device a mark before its group takes it (device-mark.ts), so that the rest of a try that is cut can be
 * told from somebody's data. A try that fails takes the marks off again.
 */
async function join(
  { change, boot }: Commands,
  { name, devices }: GroupDevices,
  command: readonly string[],
  others: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  const marked: string[] = [];
  const all = others && [...new Set([...others, ...devices])];
  try {
    for (const device of devices) {
      await change(argv.pvcreate(newDeviceMark(name, boot), device), all, signal);
      marked.push(device);
    }
    await change(command, all, signal);
  } catch (error) {
    signal.throwIfAborted();
    // The first failure is told.
    for (const device of marked) await change(argv.pvremove(device), all, signal).catch(() => {});
    throw error;
  }
}

async function createSnapshot(commands: Commands, wanted: NewSnapshot, signal: AbortSignal): Promise<void> {
  const { name } = wanted;
  const group = await commands.group(wanted, signal);
  const change = (command: readonly string[]): Promise<unknown> => commands.change(command, devicesOf(group), signal);
  assertOrigin(wanted, group);
  const found = group.volumes.find((candidate) => candidate.name === name);
  if (found && !isUnfinished(found)) return assertSameSnapshot(wanted, found);
  if (found?.origin === undefined) {
    if (found) await change(argv.lvremove(seenVolume(wanted, group, found)));
    await change(argv.lvcreateSnapshot(wanted));
  } else assertSnapshotOf(wanted, found); // taken by a try that was cut, and nobody was told: it is as good as another
  await change(argv.markFinished({ ...group, names: [name] }));
}
