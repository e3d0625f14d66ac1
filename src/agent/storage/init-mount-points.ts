import { present } from '../../model/present.ts';
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { Fault, textOf } from '../../model/fault.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { Log } from '../../model/log.ts';
import type { Disks } from '../../disk/disks.ts';
import { diskIdentity } from '../../disk/identity.ts';
import { useOf } from '../../disk/inspect.ts';
import { neededOptions, type Filesystems } from '../../mount/filesystem.ts';
import type { Mounts } from '../../mount/mounts.ts';
import type { Standing } from './conditions.ts';
import type { OwnerOf } from './owner-of.ts';
import { factsOf } from './device-facts.ts';
import type { FormatMarks } from './format-marks.ts';
import type { Observation } from './observe.ts';
import {
  planMountPoint,
  type MountPointFacts,
  type MountPointStep,
  type WantedMountPoint,
} from './plan-mount-point.ts';
import type { Problem } from './plan-volume-groups.ts';

export interface InitMountPointsDeps {
  readonly disks: Pick<Disks, 'resolve' | 'probe'>;
  readonly filesystems: Pick<Filesystems, 'probe' | 'format' | 'unformat' | 'check'>;
  readonly marks: FormatMarks;
  /** Names the time since the machine was started. */
  readonly boot: string;
  readonly mounts: Pick<Mounts, 'mount'>;
  readonly mountRoot: string;
  readonly ownerOf: OwnerOf;
  /** Keyed by path. */
  readonly locks: KeyedMutex;
  readonly log: Log;
}

/**
 * Mounts what is wanted, also again after a boot: nothing is written to the machine's fstab. Says how each item stands,
 * and whether anything was done.
 */
export async function initMountPoints(
  wanted: readonly WantedMountPoint[],
  observation: Observation,
  deps: InitMountPointsDeps,
  signal: AbortSignal,
): Promise<{ readonly standings: readonly Standing[]; readonly changed: boolean }> {
  const standings: Standing[] = [];
  let changed = false;
  const items = wanted.map((item) => ({ ...item, path: item.path.replace(/(?<=.)\/+$/, '') }));
  for (const item of new Map(items.map((item) => [item.path, item])).values()) {
    const twice = listedTwice(item, items);
    const facts = twice ? undefined : await gatherFacts(item, observation, deps, signal);
    const step: MountPointStep = facts ? planMountPoint(item, facts) : { kind: 'refuse', problem: twice ?? NEVER };
    const failure = await carryOut(item, step, facts?.disk ?? '', deps, signal);
    if (!failure) await forgetOldMark(item.path, step, deps, signal);
    standings.push(standingOf(item, step, failure));
    changed ||= step.kind === 'mount' && !failure;
  }
  return { standings, changed };
}

/** Of a filesystem that was there and serves: what is recorded of its making is older than the disk. */
async function forgetOldMark(
  path: string,
  step: MountPointStep,
  { marks }: Pick<InitMountPointsDeps, 'marks'>,
  signal: AbortSignal,
): Promise<void> {
  const wasThere = step.kind === 'mounted' || (step.kind === 'mount' && !step.format);
  if (wasThere && marks.heard(path)) await marks.done(path, signal);
}

const NEVER: Problem = { reason: 'ListedTwice', message: '' };

function listedTwice(item: WantedMountPoint, all: readonly WantedMountPoint[]): Problem | undefined {
  const same = all.filter(({ path, device }) => path === item.path || device === item.device);
  if (same.length < 2) return undefined;
  return {
    reason: 'ListedTwice',
    message: `${item.path} or ${item.device} is listed ${same.length} times: list each path and each device once.`,
  };
}

/** Looks into a device only if nothing else rules it out. */
async function gatherFacts(
  { path, device: name }: WantedMountPoint,
  { mounts, ...observation }: Observation,
  { disks, filesystems, mountRoot, ownerOf, marks, boot }: InitMountPointsDeps,
  signal: AbortSignal,
): Promise<MountPointFacts> {
  const resolved = await disks.resolve(name, signal);
  const diskOwner = resolved === undefined ? undefined : ownerOf(resolved, observation);
  const facts = factsOf(name, resolved, { mounts, ...observation });
  const known = { ...facts, ...present({ owner: diskOwner }) };
  const owner = ownerOf(path, observation);
  const { device } = known;
  const disk = device && (diskIdentity(device, observation.devices) ?? `boot ${boot}`);
  const shared = { mounts, mountRoot, ...present({ owner, disk, begun: marks.heard(path) }) };
  if (!device || useOf(known)) return { device: known, ...shared };
  const probe = await disks.probe(device, signal);
  if (probe.busy || probe.unreadable !== undefined) return { device: { ...known, probe }, ...shared };
  return { device: { ...known, probe }, content: await filesystems.probe(device.path, signal), ...shared };
}

async function carryOut(
  { path, options = [] }: WantedMountPoint,
  step: MountPointStep,
  disk: string,
  deps: InitMountPointsDeps,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  if (step.kind !== 'mount') return undefined;
  const { filesystems, mounts, locks, log } = deps;
  const { device, fsType } = step;
  log.info({ device, action: step }, 'making a mount point');
  let doing: EventReason = 'FormatFailed';
  const make = async (): Promise<void> => {
    if (step.format) await format(path, step, disk, deps, signal);
    doing = 'MountFailed';
    if (!step.format) await filesystems.check(device, fsType, signal);
    await mkdir(path, { recursive: true });
    const all = [...new Set([...options, ...neededOptions(fsType)])];
    await mounts.mount({ source: device, target: path, fsType, options: all }, signal);
  };
  try {
    await locks.run(path, make, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ device, err: error }, 'a mount point could not be made');
    return { reason: doing, message: `${textOf(error)}.` };
  }
}

/**
 * Formats a device, so that it can be cut at any point: that it is begun is recorded before, and that it is done before
 * anybody can mount it. What is replaced must be recorded as begun now: what was heard may be older.
 */
async function format(
  path: string,
  { device, fsType: type, over }: MountPointStep & { readonly kind: 'mount' },
  disk: string,
  { filesystems, marks }: InitMountPointsDeps,
  signal: AbortSignal,
): Promise<void> {
  const recorded = await marks.read(path, signal);
  if (over !== undefined) {
    if (recorded?.filesystem.uuid !== over)
      throw new Fault('unavailable', `formatting ${device} was not recorded as begun: it is looked at again`);
    await filesystems.unformat(device, signal);
  }
  const isSame = recorded?.filesystem.type === type && recorded.disk === disk;
  const filesystem = isSame ? recorded.filesystem : { type, uuid: randomUUID() };
  if (!isSame) await marks.begin(path, { filesystem, disk }, signal);
  await filesystems.format(device, filesystem, signal);
  await marks.done(path, signal);
}

function standingOf({ path, device }: WantedMountPoint, step: MountPointStep, failure: Problem | undefined): Standing {
  const type = `MountPoint/${path}` as const;
  const problem = step.kind === 'refuse' ? step.problem : failure;
  if (problem) return { type, ok: false, ...problem };
  return { type, ok: true, reason: 'Ready', message: `${device} is mounted.` };
}
