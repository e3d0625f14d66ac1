import { readFile } from 'node:fs/promises';
import { bytes, MIB, type Bytes } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import { readDevice } from '../exec/read-device.ts';
import type { Output, Run } from '../exec/run.ts';
import { isOn, mountedUuid } from './btrfs.ts';
import { DEVICES, deviceBehind, deviceNumber, isDeviceFile } from './device-number.ts';
import {
  aliveArgv,
  blkidTypes,
  checkArgv,
  CONTRADICTING,
  flushArgv,
  growArgv,
  identityOf,
  mkfsArgv,
  parseBlkid,
  parseStats,
  statsArgv,
  withFirstBytes,
  type Content,
  type Filesystems,
  type FilesystemStats,
} from './filesystem.ts';
import { giveUuid, settleCopy } from './own-uuid.ts';
import { clearFolder, entriesIn } from './folder-content.ts';
import { inFolder, remounted } from './in-folder.ts';
import type { MountEntry } from './mountinfo.ts';
import { patientRun } from './patient-run.ts';
import { isLargestXfs } from './xfs-geometry.ts';

const PROBE_TIMEOUT_MS = 60_000;
/** A filesystem that takes longer to say how large it is, or what is in one folder, does not answer. */
const ANSWER_TIMEOUT_MS = 10_000;
/**
 * Discarding a large device before it is formatted, and growing it, may take long; a change is cut only when it has
 * clearly hung.
 */
const FORMAT_TIMEOUT_MS = 3_600_000;
/** As much as memory holds for a slow disk. */
const FLUSH_TIMEOUT_MS = 300_000;
/** A check of all of a large filesystem, after a power cut. */
const CHECK_TIMEOUT_MS = 6 * 3_600_000;
/** blkid(8): nothing was found, or the device could not be read. */
const NOTHING_FOUND = 2;
/** blkid(8): several contradicting things were found. */
const AMBIVALENT = 8;

/** Through blkid, mkfs and the growing tools of this machine. `sizeOf` replaces a look at the device in tests. */
export function createHostFilesystems(run: Run, sizeOf: Filesystems['sizeOf'] = deviceSize): Filesystems {
  const call = async (argv: readonly string[], timeoutMs: number, signal: AbortSignal, by = run): Promise<void> => {
    try {
      await by(argv, { timeoutMs }, signal);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw new Fault('unavailable', error.message, { cause: error });
    }
  };
  /** For all of a device. */
  const patient = async (device: string, signal: AbortSignal): Promise<Run> =>
    patientRun(run, await sizeOf(device, signal));

  return {
    probe: (device, signal, only) => probe(device, only, run, signal),
    format: async (device, wanted, signal) =>
      call(mkfsArgv(device, wanted), FORMAT_TIMEOUT_MS, signal, await patient(device, signal)),
    unformat: (device, signal) => call(['wipefs', '--all', '--quiet', '--', device], PROBE_TIMEOUT_MS, signal),
    check: async (device, fsType, signal) => check(device, fsType, await patient(device, signal), signal),
    settleCopy: async (device, fsType, signal) => settleCopy(device, fsType, await patient(device, signal), signal),
    giveUuid: async (device, wanted, signal) => giveUuid(device, wanted, await patient(device, signal), signal),
    grow: async (mounted, signal) => {
      const argv = growArgv(mounted);
      const by = await patient(mounted.device, signal);
      if (argv === undefined) return;
      await call(argv, FORMAT_TIMEOUT_MS, signal, by).catch(async (error: unknown) => {
        assertLargest(mounted, await sizeOf(mounted.device, signal), error);
      });
    },
    stats: (path, signal) => statsOf(path, run, signal),
    assertAlive: async (target, signal) => {
      try {
        await run(aliveArgv(target), { timeoutMs: ANSWER_TIMEOUT_MS }, signal);
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        const kind = error.exitCode === undefined ? 'unavailable' : 'precondition';
        throw new Fault(kind, `the filesystem at ${target} has stopped: ${error.message}`, { cause: error });
      }
    },
    thaw: (target, signal) => thaw(target, run, signal),
    flush: (path, signal) => call(flushArgv(path), FLUSH_TIMEOUT_MS, signal),
    identify: (entry, signal) => identify(entry, run, signal),
    entries: (entry, signal) => entriesAt(entry, run, signal),
    clear: (mounted, signal) => clear(mounted, run, signal),
    forbidWrites: (device, signal) => call(['blockdev', '--setro', device], ANSWER_TIMEOUT_MS, signal),
    sizeOf,
    sectorOf,
  };
}

async function thaw(target: string, run: Run, signal: AbortSignal): Promise<void> {
  try {
    await run(['fsfreeze', '--unfreeze', target], { timeoutMs: ANSWER_TIMEOUT_MS }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error; // mostly it was not frozen, which is an error to it
  }
}

async function probe(device: string, only: string | undefined, run: Run, signal: AbortSignal): Promise<Content> {
  const head = await headOf(device, run, signal);
  return head ? withFirstBytes(await probeWithBlkid(device, only, run, signal), head) : { kind: 'missing' };
}

/** The kernel grows no ext4 that has met errors since it was mounted, and resize2fs says that so. */
const NOT_PERMITTED = /Permission denied to resize/;

/** Linux 5.13 to 6.7 take growth by nothing for shrinking, and say this. */
const NO_SPACE = /No space left on device/;

/** Throws why a filesystem was not grown, unless it is as large as it can be. */
function assertLargest(
  { device, fsType }: { readonly device: string; readonly fsType: string },
  size: Bytes | undefined,
  error: unknown,
): void {
  if (!(error instanceof Fault && error.cause instanceof CommandFailed)) throw error;
  const { stderr, stdout } = error.cause;
  if (fsType === 'xfs' && size !== undefined && NO_SPACE.test(stderr) && isLargestXfs(stdout, size)) return;
  if (!NOT_PERMITTED.test(stderr)) throw error;
  const todo = 'end every pod that has it, so that it is unmounted, checked and mounted again';
  const what = `the kernel does not grow the filesystem on ${device}, since it met errors: ${todo}`;
  throw new Fault('precondition', what, { cause: error });
}

/** e2fsck(8) adds these up. Other codes say that it could not check, and then mounting tells more than it does. */
const E2FSCK = { uncorrected: 4, cancelled: 32 } as const;

async function check(device: string, fsType: string, run: Run, signal: AbortSignal): Promise<void> {
  const argv = checkArgv(device, fsType);
  if (!argv) return;
  try {
    await run(argv, { timeoutMs: CHECK_TIMEOUT_MS }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const { exitCode, stdout } = error;
    if (exitCode === undefined || (exitCode & E2FSCK.cancelled) !== 0)
      throw new Fault('unavailable', `${error.message}${wasKilled(error) ? MEMORY : ''}`, { cause: error });
    if ((exitCode & E2FSCK.uncorrected) === 0) return;
    const what = 'has damage that is not repaired without asking: save its data and run e2fsck on it by hand';
    throw new Fault('precondition', `${fsType} on ${device} ${what}. ${stdout.trim().slice(0, TOLD_CHARS)}`, {
      cause: error,
    });
  }
}

/** By somebody else, which mostly is the kernel. */
const wasKilled = ({ what, signal }: CommandFailed): boolean => signal === 'SIGKILL' && what.startsWith('was ended');

/** Of a filesystem with very many files it needs hundreds of MB, and what does not end begins anew. */
const MEMORY =
  ". The kernel ends what takes more memory than there is: see dmesg, and leave out a limit of memory of the agent's container";

/** The first lines of a tool name what is wrong. */
const TOLD_CHARS = 400;

/**
 * The first MiB; undefined when the device is not there. Throws Fault `unavailable` when it is and cannot be read:
 * blkid calls that "nothing found".
 */
async function headOf(device: string, run: Run, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    const head = await readDevice(device, { at: 0, length: MIB }, run, signal);
    if (head.length === 0) throw new Error('it is empty');
    return head;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CommandFailed && NOT_THERE.test(error.stderr)) return undefined;
    throw new Fault('unavailable', `device ${device} cannot be read: ${textOf(error)}`, { cause: error });
  }
}

/** ENOENT, ENXIO and ENODEV. */
const NOT_THERE = /No such (file or directory|device)/;

async function probeWithBlkid(
  device: string,
  only: string | undefined,
  run: Run,
  signal: AbortSignal,
): Promise<Content> {
  const types = only === undefined ? [] : ['-n', only];
  try {
    const argv = ['blkid', '-p', ...types, '-o', 'export', '--', device];
    const { stdout } = await run(argv, { timeoutMs: PROBE_TIMEOUT_MS }, signal);
    if (stdout.trim() === '') throw new Fault('unavailable', `blkid said nothing of ${device}: it is asked again`);
    return parseBlkid(stdout);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (error.exitCode === NOTHING_FOUND && error.stderr.trim() === '') return { kind: 'blank' };
    if (error.exitCode === AMBIVALENT) return { kind: 'other', what: CONTRADICTING };
    throw new Fault('unavailable', error.message, { cause: error });
  }
}

/**
 * Throws Fault `unavailable` where it is not known: the source stands in only for what has no UUID. Of a mounted ext4
 * the checksum is wrong for a moment now and then, and newer ones of blkid then find nothing (util-linux#3301).
 */
async function identify(entry: MountEntry, run: Run, signal: AbortSignal): Promise<string> {
  const number = isDeviceFile(entry.fsType) ? undefined : await deviceBehind(entry);
  if (number === undefined)
    return identityOf(entry, entry.fsType === 'btrfs' ? await mountedUuid(entry, run, signal) : undefined);
  const named = entry.source.startsWith(DEVICES) && (await deviceNumber(entry.source)) === number;
  const device = named ? entry.source : `${DEVICES}block/${number}`;
  const only = blkidTypes(entry.fsType);
  if (entry.fsType === 'btrfs' && (await isOn(entry, number, { run }, signal)) !== 'yes')
    throw new Fault('unavailable', `${device} is not known to carry the btrfs that is mounted at ${entry.target}`);
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const content = await probeWithBlkid(device, only, run, signal);
    if (content.kind === 'filesystem') return identityOf(entry, content.uuid);
    if (only === undefined) return identityOf(entry, undefined);
  }
  throw new Fault(
    'unavailable',
    `${device}, mounted at ${entry.target}, does not tell the UUID of its ${entry.fsType}`,
  );
}

const LOOKS = 3;

async function entriesAt({ target, id }: MountEntry, run: Run, signal: AbortSignal): Promise<readonly string[]> {
  const list = async (folder: string, found: MountEntry): Promise<readonly string[]> => {
    if (found.id !== id) throw remounted(target);
    return entriesIn(folder, run, signal);
  };
  await statsOf(target, run, signal); // a dead filesystem is found out by a program, which can be left behind
  return inFolder(target, list, signal);
}

async function clear(
  { target, identity }: Parameters<Filesystems['clear']>[0],
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  const remove = async (folder: string, mount: MountEntry): Promise<void> => {
    const now = await identify(mount, run, signal);
    if (now !== identity)
      throw new Fault('precondition', `${target} is filesystem ${now}, not ${identity}: nothing was removed`);
    await clearFolder({ folder, shown: `${target}/`, mount }, run, signal);
  };
  await statsOf(target, run, signal); // as entriesAt
  await inFolder(target, remove, signal);
}

/**
 * By a program: a path may be on a filesystem that does not answer, and each call of our own would take one of Node's
 * four threads for ever, until nothing of this program gets on.
 */
async function statsOf(path: string, run: Run, signal: AbortSignal): Promise<FilesystemStats> {
  const { stdout } = await ask(statsArgv(path), run, signal);
  return parseStats(stdout);
}

/** Throws Fault `unavailable` when the filesystem does not answer. */
async function ask(argv: readonly string[], run: Run, signal: AbortSignal): Promise<Output> {
  try {
    return await run(argv, { timeoutMs: ANSWER_TIMEOUT_MS }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new Fault('unavailable', error.message, { cause: error });
  }
}

/** From sysfs, which counts in sectors of 512 bytes; stat says 0 for a device. */
async function deviceSize(device: string, signal: AbortSignal): Promise<Bytes | undefined> {
  const number = await deviceNumber(device);
  if (number === undefined) return undefined;
  const sectors = await readFile(`/sys/dev/block/${number}/size`, { encoding: 'utf8', signal });
  return bytes(BigInt(sectors.trim()) * 512n);
}

async function sectorOf(device: string, signal: AbortSignal): Promise<number | undefined> {
  const number = await deviceNumber(device);
  if (number === undefined) return undefined;
  const queues = ['', '/..'].map((up) => `/sys/dev/block/${number}${up}/queue/logical_block_size`); // a partition's disk
  const read = (file: string): Promise<string> => readFile(file, { encoding: 'utf8', signal });
  const text = await Promise.any(queues.map((file) => read(file))).catch(() => '');
  signal.throwIfAborted();
  return Number(text) || undefined;
}
