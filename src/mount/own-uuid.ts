import { Fault } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import type { NewFilesystem } from './filesystem.ts';

/**
 * A copy of a filesystem has the UUID of its original, and beside it the kernel refuses it (xfs) or may take one for
 * the other (btrfs). It is given a UUID of its own in two parts, since the second cannot be cut and repeated.
 */

/** All of a large filesystem is looked at, or its journal replayed. */
const SETTLE_TIMEOUT_MS = 6 * 3_600_000;
const LOOK_TIMEOUT_MS = 60_000;
/** ext with checksums but without a seed has its UUID in each of them, and all are written anew. */
const UUID_TIMEOUT_MS = 3_600_000;

type Call = (argv: readonly string[], timeoutMs: number, signal: AbortSignal) => Promise<string>;

/**
 * Replays what the journal of an unmounted copy has, as a mount after a power cut does, since none of the tools keeps
 * what is in it: xfs_admin(8) refuses, btrfstune(8) drops the log, tune2fs(8) asks for a full check. May be cut and
 * repeated. Throws Fault `precondition` when ext has damage that is not repaired without asking.
 */
export async function settleCopy(device: string, fsType: string, run: Run, signal: AbortSignal): Promise<void> {
  const call = callerOf(run);
  if (/^ext[234]$/.test(fsType)) return checkAll(device, run, signal);
  if (fsType === 'xfs') return mountOnce(device, fsType, call, signal);
  if (fsType === 'btrfs' && (await hasLog(device, call, signal))) return mountOnce(device, fsType, call, signal);
}

/** Gives a settled, unmounted filesystem this UUID. Cut, it leaves anything. */
export async function giveUuid(
  device: string,
  { type, uuid }: Pick<NewFilesystem, 'type' | 'uuid'>,
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  await callerOf(run)(uuidArgv(device, { type, uuid }), UUID_TIMEOUT_MS, signal);
}

/** Pure. btrfs by its superblock alone: -U would write all of its metadata anew. */
export function uuidArgv(device: string, { type, uuid }: Pick<NewFilesystem, 'type' | 'uuid'>): readonly string[] {
  if (type === 'xfs') return ['xfs_admin', '-U', uuid, device];
  if (type === 'btrfs') return ['btrfstune', '-f', '-M', uuid, device];
  return ['tune2fs', '-U', uuid, device];
}

/** e2fsck(8): 1 and 2 say that it repaired something. */
const E2FSCK_REPAIRED = 3;

async function checkAll(device: string, run: Run, signal: AbortSignal): Promise<void> {
  try {
    await run(['e2fsck', '-f', '-p', '--', device], { timeoutMs: SETTLE_TIMEOUT_MS }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const { exitCode = -1, stdout } = error;
    if (exitCode > 0 && exitCode <= E2FSCK_REPAIRED) return;
    const kind = exitCode > 0 && (exitCode & E2FSCK_UNCORRECTED) !== 0 ? 'precondition' : 'unavailable';
    const what = 'has damage that is not repaired without asking: check its source with e2fsck';
    const message =
      kind === 'precondition' ? `the copy on ${device} ${what}. ${stdout.trim().slice(0, 400)}` : error.message;
    throw new Fault(kind, message, { cause: error });
  }
}

const E2FSCK_UNCORRECTED = 4;

/**
 * In a mount namespace of its own, which ends with the program: nobody else sees the mount, and none is left behind
 * whatever is killed.
 */
async function mountOnce(device: string, fsType: string, call: Call, signal: AbortSignal): Promise<void> {
  const options = ['nosuid', 'nodev', 'noexec', ...(fsType === 'xfs' ? ['nouuid'] : [])].join(',');
  const mounting = ['mount', '-t', fsType, '-o', options, '--', device, '/mnt'];
  await call(['unshare', '--mount', '--propagation', 'private', '--', ...mounting], SETTLE_TIMEOUT_MS, signal);
}

/** Beside its mounted original a kernel before 6.7 mounts no copy of a btrfs, so it is done only where it must. */
async function hasLog(device: string, call: Call, signal: AbortSignal): Promise<boolean> {
  const said = await call(['btrfs', 'inspect-internal', 'dump-super', '--', device], LOOK_TIMEOUT_MS, signal);
  return !/^log_root\s+0$/m.test(said);
}

const callerOf =
  (run: Run): Call =>
  async (argv, timeoutMs, signal) => {
    try {
      return (await run(argv, { timeoutMs }, signal)).stdout;
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw new Fault('unavailable', error.message, { cause: error });
    }
  };
