import { Fault, textOf } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import * as argv from './argv.ts';
import type { NewSnapshot } from './argv.ts';
import { devicesOf, groupOf, type Commands, type LvmOptions } from './commands.ts';
import { mapperUuidOf } from './names.ts';
import type { LvmGroup, LvmReport, LvmVolume } from './report.ts';
import { assertOrigin } from './snapshots.ts';

/**
 * How long the volumes of a group snapshot may be stopped, from the first that is stopped, in ms: whoever writes to one
 * waits. Most of it is lvm's, a few tenths of a second for each volume.
 */
const FROZEN_MS = 30_000;
/** The kernel lets a volume go on at once, but after it has stopped it. */
const RESUME_TIMEOUT_MS = 60_000;

/** One snapshot that is to be taken, with what was found of its volume. */
interface Member {
  readonly wanted: NewSnapshot;
  readonly group: LvmGroup;
  readonly origin: LvmVolume;
  /** The device of its volume, for the kernel: no other of its name is stopped. */
  readonly device: string;
}

/** How volumes are stopped, and where that is written. */
type Stopping = Pick<LvmOptions, 'run' | 'stopped'>;

/**
 * Stops all volumes, each with what its filesystem has in memory written out and frozen; then has lvm take the
 * snapshots one after another, each of which lets its own volume go on; lets all go on, whatever happened; and marks
 * the snapshots as finished when all were taken in time. A volume is as it was when the last was stopped until its
 * snapshot is there. What an earlier, cut try left is not mended here: any of its parts may be of another moment.
 * docs/decisions/0026-group-snapshots.md. Throws Fault as Lvm.createSnapshots.
 */
export async function createTogether(
  commands: Commands,
  { run, stopped }: Stopping,
  snapshots: readonly NewSnapshot[],
  signal: AbortSignal,
  frozenMs = FROZEN_MS,
): Promise<void> {
  const report = await commands.report(signal);
  const members = snapshots.map((wanted) => memberOf(wanted, report));
  const devices = members.map(({ device }) => device);
  await stopped?.update((before) => [...before, ...devices], signal);
  const limit = AbortSignal.timeout(frozenMs);
  const deadline = AbortSignal.any([signal, limit]);
  try {
    for (const { device } of members) await dmsetup(run, ['suspend', '--uuid', device], deadline);
    for (const [at, { wanted, group }] of members.entries()) {
      await assertStopped(run, members.slice(at), deadline);
      await commands.change(argv.lvcreateSnapshot(wanted), devicesOf(group), deadline);
    }
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    const names = members.map(({ wanted }) => wanted.origin).join(', ');
    throw new Fault('unavailable', `${names} could not be snapshotted within ${frozenMs / 1000} s: they went on`, {
      cause: error,
    });
  } finally {
    await resumeAll(commands, run, members);
    await stopped?.update(
      (before) => before.filter((device) => !devices.includes(device)),
      new AbortController().signal,
    );
  }
  for (const { wanted, group } of members)
    await commands.change(argv.markFinished({ ...group, names: [wanted.name] }), devicesOf(group), signal);
}

/**
 * Lets go on what an earlier process stopped for a group snapshot and did not live to let go on. Asks the kernel alone;
 * what is not there any more went with its volume, or with a boot.
 */
export async function resumeLeft({ run, stopped }: Stopping, signal: AbortSignal): Promise<void> {
  const left = (await stopped?.read(signal)) ?? [];
  for (const device of left)
    await dmsetup(run, ['resume', '--uuid', device], signal, RESUME_TIMEOUT_MS).catch(() => signal.throwIfAborted());
  if (left.length > 0) await stopped?.update(() => [], signal);
}

function memberOf(wanted: NewSnapshot, { groups }: LvmReport): Member {
  const group = groupOf(groups, wanted);
  assertOrigin(wanted, group);
  assertUnused(wanted, group);
  const origin = group.volumes.find(({ name }) => name === wanted.origin) as LvmVolume;
  if (origin.active === false)
    throw new Fault('precondition', `logical volume ${wanted.vgName}/${wanted.origin} is not active yet`);
  return { wanted, group, origin, device: mapperUuidOf(group.uuid, origin.uuid) };
}

/** Throws Fault `conflict` when something bears the name already, be it of an earlier try. */
export function assertUnused({ vgName, name }: NewSnapshot, { volumes }: Pick<LvmGroup, 'volumes'>): void {
  if (volumes.some((found) => found.name === name))
    throw new Fault('conflict', `logical volume ${vgName}/${name} exists: it may be of another moment than the others`);
}

/** Another program may have let one go on, such as `lvchange --refresh`: its snapshot would be of a later moment. */
async function assertStopped(run: Run, members: readonly Member[], signal: AbortSignal): Promise<void> {
  const listing = ['info', '-c', '--noheadings', '--separator', ' ', '-o', 'uuid,suspended'];
  const lines = (await dmsetup(run, listing, signal)).split('\n').map((line) => line.trim());
  const going = members.filter(({ device }) => !lines.includes(`${device} Suspended`));
  if (going.length === 0) return;
  const names = going.map(({ wanted }) => `${wanted.vgName}/${wanted.origin}`).join(', ');
  throw new Fault('unavailable', `another program let ${names} go on before the snapshots were taken`);
}

/**
 * All of them, also those of which it is not known whether they were stopped: to one that goes, nothing happens. What
 * lvm was about to change when it was cut, lvm puts right.
 */
async function resumeAll({ change }: Commands, run: Run, members: readonly Member[]): Promise<void> {
  const never = new AbortController().signal;
  const resume = async ({ wanted, group, origin, device }: Member): Promise<void> => {
    try {
      await dmsetup(run, ['resume', '--uuid', device], never, RESUME_TIMEOUT_MS);
    } catch {
      const volume = { vgName: wanted.vgName, vgUuid: group.uuid, name: origin.name, uuid: origin.uuid };
      await change(argv.refresh(volume), devicesOf(group), never);
    }
  };
  const ended = await Promise.allSettled(members.map(resume));
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
}

async function dmsetup(run: Run, args: readonly string[], signal: AbortSignal, timeoutMs = FROZEN_MS): Promise<string> {
  try {
    return (await run(['dmsetup', ...args], { timeoutMs }, signal)).stdout;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new Fault('unavailable', `dmsetup ${args[0]}: ${error.stderr.trim() || textOf(error)}`, { cause: error });
  }
}
