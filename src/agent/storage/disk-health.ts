import type { BlockDevice } from '../../disk/disks.ts';
import { diskIdentity } from '../../disk/identity.ts';
import { growthOf, type Growth } from '../../disk/growth.ts';
import type { KernelSigns } from '../../disk/kernel-signs.ts';
import type { AskSmart, SmartAnswer, SmartReport } from '../../disk/smart.ts';
import { standingOn } from '../../disk/stack.ts';
import type { Log } from '../../model/log.ts';
import { isOfDisk, type FailingDisk } from '../../model/disk-reasons.ts';
import { present } from '../../model/present.ts';
import { judgeDisk, type DiskSigns } from './judge-disk.ts';
import type { OwnDisk } from './own-disks.ts';

/** What disks and the kernel tell of their health. */
export interface HealthSigns {
  /** Of a disk, by its kernel name. */
  kernel(name: string, signal: AbortSignal): Promise<KernelSigns>;
  /** Kernel names of devices whose filesystem met errors of the device, with their number. */
  filesystemErrors(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  readonly smart: AskSmart;
}

export interface DiskHealthOptions {
  readonly node: string;
  readonly signs: HealthSigns;
  readonly log: Log;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

/** The health of a node's disks, by what is remembered of each since the agent started. */
export interface DiskHealth {
  /**
   * Which of these disks fail. Runs no program, so nothing waits for a disk. `before` is what was told last, maybe by
   * an agent that ended: what a disk said of itself holds until it has been asked again.
   */
  look(
    disks: readonly OwnDisk[],
    seen: { readonly devices: readonly BlockDevice[]; readonly before: readonly FailingDisk[] },
    signal: AbortSignal,
  ): Promise<readonly FailingDisk[]>;
  /** Asks those that were last looked at for their SMART, one after another; whether any said something new. */
  ask(signal: AbortSignal): Promise<boolean>;
  /** Of the disks that were last looked at, how many answer how. */
  answers(): ReadonlyMap<SmartAnswer['kind'], number>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A program that asks for SMART each minute makes two commands fail each time. */
const FAILED_COMMANDS = { by: 300, withinMs: HOUR_MS };
const LOST_DATA = { by: 1, withinMs: DAY_MS };
/** What grew makes a disk fail for so long. */
const HELD_MS = DAY_MS;
/** A disk on which smartctl hung is let be for so long: each may leave a process that cannot be killed. */
const LET_BE_MS = DAY_MS;

interface Memory {
  readonly path: string;
  failed?: Growth;
  lost?: Growth;
  answer?: SmartAnswer['kind'];
  smart?: SmartReport;
  /** Sectors that could not be read at the last two looks, the smaller number. */
  pending: number;
  hungAt?: number;
}

/** Remembers of each disk what was seen of it; a disk that goes is forgotten. */
export function createDiskHealth({ node, signs, log, now }: DiskHealthOptions): DiskHealth {
  const memories = new Map<string, Memory>();
  let isAbsent = false;
  const askOne = async (memory: Memory, signal: AbortSignal): Promise<boolean> => {
    if (memory.hungAt !== undefined && now() - memory.hungAt < LET_BE_MS) return false;
    const answer = await signs.smart(memory.path, signal);
    const before = JSON.stringify([memory.smart, memory.pending, memory.lost]);
    if (answer.kind === 'absent' && !isAbsent) {
      log.info({ device: memory.path }, 'disks are not asked for their SMART: there is no smartctl');
      isAbsent = true;
    }
    if (answer.kind === 'hung')
      log.warn({ device: memory.path, err: answer.why }, 'smartctl did not end and was killed');
    remember(memory, answer, now());
    return JSON.stringify([memory.smart, memory.pending, memory.lost]) !== before;
  };
  return {
    look: async (disks, { devices, before }, signal) => {
      const found = disks.map((disk) => ({ ...disk, key: keyOf(disk.device) }));
      const keys = new Set(found.map(({ key }) => key));
      for (const key of memories.keys()) if (!keys.has(key)) memories.delete(key);
      const errors = await signs.filesystemErrors(signal);
      const overflowing = standingOn(devices.filter(isStoreOfSnapshot), devices);
      const faulty = [...errors.keys()].filter((name) => !overflowing.has(name));
      const judged = await Promise.all(
        found.map(async ({ key, device, carries, standing, isSilent = false }) => {
          const memory = memories.get(key) ?? { path: device.path, pending: 0 };
          memories.set(key, memory);
          const kernel = await signs.kernel(device.name, signal);
          rememberKernel(memory, kernel, now());
          const { path, serial } = device;
          const identity = diskIdentity(device, devices);
          const filesystems = faulty.filter((name) => standing.has(name)).toSorted();
          const known = signsOf(memory, { kernel, filesystems, isSilent, now: now() });
          const own = judgeDisk(known, { node, path, identity, serial, carries });
          const isOpen = !isAbsent && memory.smart === undefined && memory.answer !== 'none';
          return (
            own ?? (isOpen ? before.find((told) => isOfDisk(told) && isSame(told, { path, identity })) : undefined)
          );
        }),
      );
      return judged.flatMap((disk) => disk ?? []);
    },
    ask: async (signal) => {
      let news = false;
      for (const memory of memories.values()) {
        if (isAbsent) break;
        news = (await askOne(memory, signal)) || news;
      }
      return news;
    },
    answers: () => answersOf(memories.values()),
  };
}

function signsOf(
  { failed, lost, pending, smart }: Memory,
  { now, ...seen }: Pick<DiskSigns, 'kernel' | 'filesystems' | 'isSilent'> & { readonly now: number },
): DiskSigns {
  return {
    ...seen,
    failsCommands: isRecent(failed, now),
    losesData: isRecent(lost, now),
    pendingSectors: pending,
    ...present({ smart }),
  };
}

function answersOf(memories: Iterable<Memory>): ReadonlyMap<SmartAnswer['kind'], number> {
  const counts = new Map<SmartAnswer['kind'], number>();
  for (const { answer } of memories) if (answer !== undefined) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return counts;
}

function rememberKernel(memory: Memory, { failedCommands }: KernelSigns, now: number): void {
  if (failedCommands !== undefined) memory.failed = growthOf(memory.failed, failedCommands, now, FAILED_COMMANDS);
}

/** What a disk says is kept until it says something else: one that sleeps has not recovered. */
function remember(memory: Memory, answer: SmartAnswer, now: number): void {
  memory.answer = answer.kind;
  if (answer.kind === 'hung') memory.hungAt = now;
  if (answer.kind !== 'report') return;
  const { report } = answer;
  memory.pending = Math.min(memory.smart?.pendingSectors ?? 0, report.pendingSectors ?? 0);
  if (report.uncorrected !== undefined) memory.lost = growthOf(memory.lost, report.uncorrected, now, LOST_DATA);
  memory.smart = report;
}

/** Names may be given anew by a boot, and a disk that tells nothing of itself is not known to be the one before. */
const isSame = (
  told: FailingDisk,
  { path, identity }: { readonly path: string; readonly identity?: string | undefined },
) => told.device === path && identity !== undefined && told.identity === identity;

const isRecent = (growth: Growth | undefined, now: number): boolean =>
  growth?.grewAt !== undefined && now - growth.grewAt < HELD_MS;

/** A disk that is put in the place of another has another memory. */
const keyOf = ({ name, worldwideName, serial }: BlockDevice): string => [name, worldwideName, serial].join(' ');

/** When the store of a snapshot is full, what is mounted of the snapshot meets errors; no disk is to blame. */
const isStoreOfSnapshot = ({ mapperUuid = '' }: BlockDevice): boolean => /^LVM-.*-cow$/.test(mapperUuid);
