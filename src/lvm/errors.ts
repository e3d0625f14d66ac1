import { Fault, type FaultKind } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';

/** LVM says almost everything with exit code 5; only its text (in the C locale) tells one failure from another. */
const TEXTS: readonly { readonly pattern: RegExp; readonly kind: FaultKind }[] = [
  { pattern: /insufficient (free|suitable)|no free extents|maximum number of logical volumes/i, kind: 'exhausted' },
  { pattern: /already exists/i, kind: 'conflict' },
  {
    pattern:
      /signatures? (detected|left)|already in volume group|of volume group .* without -ff|filesystem in use|in use|used by|only while inactive|without using device-mapper|rejected by filter|excluded by a filter/i,
    kind: 'precondition',
  },
  { pattern: /not found|failed to find|no device found/i, kind: 'not-found' },
];

/** lvm(8): 3 is a command line it does not understand, a reserved name for example. */
const EINVALID = 3;

/**
 * Lines that explain nothing: of a machine without device-mapper, of settings that an older lvm does not know, and of a
 * name that two groups have, of which one was meant.
 */
const NOISE =
  /activation disabled|is NOT backed up|^Run `|leaked on|^Configuration setting|VG name .* is used by VGs|^Fix duplicate VG/i;

/** Turns a failed lvm command into a Fault; anything else that was thrown is returned as it is. */
export function faultFromLvm(error: unknown): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const said = explanation(error.stderr);
  const verb = `lvm ${error.argv[1]}`;
  if (error.exitCode === undefined || said === '') {
    const why = [said, WAITS.test(error.what) ? HANG : ''].filter(Boolean).join('. ');
    return new Fault('unavailable', `${verb} ${error.what}${why === '' ? '' : `: ${why}`}`, { cause: error });
  }
  const kind = error.exitCode === EINVALID ? 'invalid' : TEXTS.find(({ pattern }) => pattern.test(said))?.kind;
  return new Fault(kind ?? 'unavailable', `${verb}: ${shortened(said)}`, { cause: error });
}

/** What a command may wait for without end, and how a person finds out which it is. Nothing here changes anything. */
const HANG =
  'it waits for a disk, for the lock of another lvm command, or for udev. On the node: dmesg tells of disks, ' +
  'fuser -v /run/lock/lvm/* who has a lock, dmsetup udevcookies whether udev has not answered';

const WAITS = /did not end|hangs/;

/** Of warnings without end, those after the reason are left out. */
const MAX_CHARS = 800;
const shortened = (said: string): string => (said.length <= MAX_CHARS ? said : `${said.slice(0, MAX_CHARS)} …`);

/**
 * Texts of lvm2 2.03 that say that no volume can be made or grown in the group: its disks cannot be written or are not
 * there, its metadata has no room, another holds its lock, or there is no room for one, its name does not tell which
 * group it is, lvm.conf (volume_list) keeps it from being started, machines share it under locks that nobody takes
 * here, or the machine has no semaphore left by which udev tells that a device is there.
 */
const ABOUT_THE_GROUP =
  /error (writing|reading) device|failed to write (metadata|vg)|input\/output error|read-only file ?system|volume group .* is read-only|while pvs are missing|with unknown segments|exceeds maximum metadata size|too large for circular buffer|can't get lock|lock failed|multiple vgs found|activation filter|requires lvmlockd|locking initiali[sz]ation failed|maximum number of semaphores reached/i;

/**
 * Whether a failed command, as `faultFromLvm` gives it, says something of the whole group and not of one volume. A
 * command that did not end by itself counts: the group's disks do not answer.
 */
export function concernsGroup(error: unknown): boolean {
  const cause = error instanceof Fault ? error.cause : undefined;
  if (!(cause instanceof CommandFailed)) return false;
  return cause.exitCode === undefined || ABOUT_THE_GROUP.test(explanation(cause.stderr));
}

/** Whether a command, as `faultFromLvm` gives its failure, did not end by itself, or an earlier one still hangs. */
export function hasHung(error: unknown): boolean {
  const cause = error instanceof Fault ? error.cause : undefined;
  return cause instanceof CommandFailed && cause.exitCode === undefined && cause.cause === undefined;
}

/** A file of a lock, which could not be opened: its folder is full or cannot be written (lib/misc/lvm-flock.c). */
const LOCK_FILE = /\/[PV]_[^\s/]+: open failed/;

/** Whether a command, as `faultFromLvm` gives its failure, did not get one of lvm's locks, or cannot have any. */
export function isAboutLocks(error: unknown): boolean {
  const cause = error instanceof Fault ? error.cause : undefined;
  if (!(cause instanceof CommandFailed)) return false;
  const said = explanation(cause.stderr);
  return /\block(ing)?\b/i.test(said) || LOCK_FILE.test(said);
}

/** What lvm said, warnings after the rest: there may be one for each disk, and the reason stands behind them. */
function explanation(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !NOISE.test(line));
  const isWarning = (line: string): boolean => line.startsWith('WARNING:');
  return [...lines.filter((line) => !isWarning(line)), ...lines.filter(isWarning)].join(' ');
}

/** lvextend to the size it has, or a smaller one. From lvm2 2.03.17 on the first is told on stdout, and less here. */
export const isLargeEnoughAlready = (error: unknown): boolean =>
  error instanceof CommandFailed &&
  /matches existing size|no size change|not larger than existing size/i.test(error.stderr);
