import { readFile } from 'node:fs/promises';
import { Fault } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { isOn } from './btrfs.ts';
import { DEVICES, deviceBehind, deviceNumber } from './device-number.ts';
import { hearKernel } from './kernel-words.ts';
import { isReadOnly, isSameView, mountAt, parseMountinfo, viewAt, type MountEntry } from './mountinfo.ts';
import { isSeenOutside } from './seen-outside.ts';

/** The mounts of this machine. Every verb may be repeated; all throw Fault. */
export interface Mounts {
  list(signal: AbortSignal): Promise<readonly MountEntry[]>;
  /**
   * Resolves at once when the same is mounted there; throws `conflict` when something else is. The folder must exist.
   */
  mount(wanted: NewMount, signal: AbortSignal): Promise<void>;
  /** Bind-mounts a folder or device file at another path, which must exist; otherwise as mount. */
  bind(wanted: NewBind, signal: AbortSignal): Promise<void>;
  /**
   * Whether the entry is a mount of this device or folder. Looks at the device and at the mount table only, and at a
   * btrfs by a program: the entry may be anybody's, and a path on a dead filesystem never answers. Throws `unavailable`
   * where that cannot be told of a btrfs: it counts neither as mounted nor as unmounted.
   */
  shows(entry: MountEntry, source: string, signal: AbortSignal): Promise<boolean>;
  /** Whether others than this program's own container see the mount. False: pods get the folder below it. */
  isSeenOutside(entry: MountEntry, signal: AbortSignal): Promise<boolean>;
  /** Resolves once nothing is mounted there; throws `unavailable` while it is in use. */
  unmount(target: string, signal: AbortSignal): Promise<void>;
}

export interface NewMount {
  /** A block device. */
  readonly source: string;
  readonly target: string;
  readonly fsType: string;
  readonly options: readonly string[];
}

export interface NewBind {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** More options of the new mount, such as `noexec`; those of the source's mount are kept. */
  readonly options: readonly string[];
}

const TIMEOUT_MS = 120_000;
/** Mounts that may lie over one another at a target of ours. More are unmounted by the next call. */
const MAX_LAYERS = 16;

const list = async (signal: AbortSignal): Promise<readonly MountEntry[]> =>
  parseMountinfo(await readFile('/proc/self/mountinfo', { encoding: 'utf8', signal }));

/** The mounts that this process sees, through mount(8) and umount(8). */
export function createHostMounts(run: Run): Mounts {
  const call = async (argv: readonly string[], signal: AbortSignal): Promise<void> => {
    try {
      await run(argv, { timeoutMs: TIMEOUT_MS }, signal);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw new Fault('unavailable', error.message, { cause: error });
    }
  };

  return {
    list,
    mount: async ({ source, target, fsType, options }, signal) => {
      if ((await deviceNumber(source)) === undefined) throw new Fault('not-found', `device ${source} is not there`);
      const found = mountAt(await list(signal), target);
      if (found) return assertSame(found, await showsSource(found, source, run, signal));
      const argv = mountArgv({ source, target, fsType, options });
      const heard = await hearKernel(run, signal);
      await call(argv, signal).catch((error: unknown) => throwWithWords(error, () => heard(source, signal)));
    },
    bind: async ({ source, target, readOnly, options }, signal) => {
      const entries = await list(signal);
      const found = mountAt(entries, target);
      if (found) {
        const wantReadOnly = readOnly || isReadOnly(mountAt(entries, source));
        return assertSame(found, isReadOnly(found) === wantReadOnly && (await showsSource(found, source, run, signal)));
      }
      const kept = mountAt(entries, source)?.options.filter((option) => KEPT.includes(option)) ?? [];
      const flags = new Set(['bind', ...(readOnly ? ['ro'] : []), ...kept, ...options]);
      await call(['mount', '-o', [...flags].join(','), '--', source, target], signal);
    },
    shows: (entry, source, signal) => showsSource(entry, source, run, signal),
    isSeenOutside: (entry, signal) => isSeenOutside(entry, '/proc', signal),
    unmount: async (target, signal) => {
      for (let layer = 0; layer < MAX_LAYERS && mountAt(await list(signal), target); layer += 1)
        await call(umountArgv(target), signal).catch(async (error: unknown) =>
          throwWithBelow(error, target, await list(signal)),
        );
      const left = mountAt(await list(signal), target);
      if (left)
        throw new Fault('unavailable', `${left.source} is still mounted at ${target}, below ${MAX_LAYERS} others`);
    },
  };
}

/**
 * Why a filesystem cannot be mounted, and what helps, only the kernel's log tells; nothing of a mount that was ended,
 * which the kernel did not refuse.
 */
async function throwWithWords(error: unknown, heard: () => Promise<string | undefined>): Promise<never> {
  const wasRefused =
    error instanceof Fault && error.cause instanceof CommandFailed && error.cause.exitCode !== undefined;
  const words = wasRefused ? await heard() : undefined;
  if (!(error instanceof Fault) || words === undefined) throw error;
  throw new Fault(error.kind, `${error.message} The kernel says: ${words}`, { cause: error });
}

/** Mounts below a path that are named; the last ones have to go first. */
const NAMED = 5;

/** What is mounted below a path keeps it in use; umount(8) says only that something does. */
function throwWithBelow(error: unknown, path: string, entries: readonly MountEntry[]): never {
  const below = entries.flatMap(({ target }) => (target.startsWith(`${path}/`) ? [target] : [])).slice(-NAMED);
  if (!(error instanceof Fault) || below.length === 0) throw error;
  const what = `${error.message} Unmount what is mounted below it: ${below.toReversed().join(', ')}`;
  throw new Fault(error.kind, what, { cause: error });
}

/**
 * Pure: `-w` where the mount is not to be read-only, since mount(8) otherwise mounts a write-protected device
 * read-only, with a warning that nobody reads.
 */
export const mountArgv = ({ source, target, fsType, options }: NewMount): readonly string[] => [
  ...['mount', '-t', fsType],
  ...(options.includes('ro') ? [] : ['-w']),
  ...(options.length === 0 ? [] : ['-o', options.join(',')]),
  ...['--', source, target],
];

/**
 * Pure: the path is one of the mount table and has no links; umount(8) would look for them, and wait for ever at a
 * filesystem that does not answer.
 */
const umountArgv = (target: string): readonly string[] => ['umount', '--no-canonicalize', '--', target];

/** What a bind mount has of its source's mount; mount(8) takes it away as soon as one of these is named. */
const KEPT: readonly string[] = ['ro', 'noexec', 'nosuid', 'nodev', 'noatime', 'nodiratime', 'nosymfollow'];

/** Throws Fault `conflict` when what is mounted at the target is not what was asked for. */
export function assertSame(found: MountEntry, same: boolean): void {
  if (same) return;
  const how = isReadOnly(found) ? 'read-only' : 'read-write';
  throw new Fault('conflict', `${found.target} is taken: ${found.source} (${found.fsType}, ${how}) is mounted there`);
}

async function showsSource(entry: MountEntry, source: string, run: Run, signal: AbortSignal): Promise<boolean> {
  if (source.startsWith(DEVICES)) {
    const number = await deviceNumber(source);
    if (number === undefined) return false;
    if (entry.fsType !== 'btrfs') return number === (await deviceBehind(entry));
    const found = await isOn(entry, number, { run }, signal);
    if (found !== 'unknown') return found === 'yes';
    throw new Fault(
      'unavailable',
      `whether the btrfs at ${entry.target} is on ${source} cannot be told: it does not answer`,
    );
  }
  const view = viewAt(await list(signal), source);
  return view !== undefined && isSameView(entry, view);
}
