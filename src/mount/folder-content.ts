import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { Fault } from '../model/fault.ts';
import { entriesArgv, MOST_ENTRIES } from './filesystem.ts';
import { inFolderBelow } from './in-folder.ts';
import type { MountEntry } from './mountinfo.ts';

/** A folder that shows no name for so long does not answer. */
const ANSWER_TIMEOUT_MS = 10_000;
/** What is left after it is removed by the next try. */
const CLEAR_TIMEOUT_MS = 600_000;

/** Names in a folder, of more than MOST_ENTRIES only some. Throws Fault `unavailable` when it does not answer. */
export async function entriesIn(folder: string, run: Run, signal: AbortSignal): Promise<readonly string[]> {
  let names: readonly string[] = [''];
  const onOutput = (text: string): void => {
    const [first = '', ...more] = text.split('\0');
    names = [...names.slice(0, -1), `${names.at(-1)}${first}`, ...more];
    if (names.length > MOST_ENTRIES) throw new Enough();
  };
  try {
    await run(entriesArgv(folder), { timeoutMs: ANSWER_TIMEOUT_MS, onOutput }, signal);
  } catch (error) {
    if (!(error instanceof Enough)) throw asFault(error);
  }
  return names.slice(0, -1);
}

/** Ends the program that lists names. */
class Enough extends Error {}

/** A folder of a mounted filesystem. */
interface Cleared {
  /** Leads to it, and ends with a slash. */
  readonly folder: string;
  /** How it is called for people, with a slash at its end. */
  readonly shown: string;
  readonly mount: MountEntry;
}

/** Removes all that is in a folder. Throws Fault `unavailable` while something is left. */
export async function clearFolder(cleared: Cleared, run: Run, signal: AbortSignal): Promise<void> {
  const { folder, shown, mount } = cleared;
  if ((await removeAll(folder, run, signal)) === undefined) return;
  await unprotect(folder, run, signal);
  if (mount.fsType === 'btrfs') await clearSubvolumes(cleared, run, signal);
  const left = await removeAll(folder, run, signal);
  if (left) throw new Fault('unavailable', left.message.replaceAll(folder, shown), { cause: left });
}

/** Why something is left; undefined when nothing is. Throws Fault `unavailable` when it did not end. */
async function removeAll(folder: string, run: Run, signal: AbortSignal): Promise<CommandFailed | undefined> {
  try {
    // Depth first, links removed and not followed, and nothing of another filesystem.
    await run(['find', folder, '-xdev', '-mindepth', '1', '-delete'], { timeoutMs: CLEAR_TIMEOUT_MS }, signal);
    return undefined;
  } catch (error) {
    if (error instanceof CommandFailed && error.exitCode !== undefined) return error;
    throw asFault(error);
  }
}

/**
 * Takes away what keeps files from being removed, which a pod with the capability LINUX_IMMUTABLE can give them:
 * chattr(1). Where that fails, what is left tells.
 */
async function unprotect(folder: string, run: Run, signal: AbortSignal): Promise<void> {
  const those = ['-xdev', '(', '-type', 'f', '-o', '-type', 'd', ')'];
  await attempt(['find', folder, ...those, '-exec', 'chattr', '-f', '-ia', '{}', '+'], run, signal);
}

/**
 * Clears the subvolumes of btrfs in a folder, which whoever may write there can make, also ones that are read-only:
 * each is a filesystem of its own to find(1), and is removed like a folder once it is empty (Linux 4.18). A subvolume's
 * folder has the number 256, and nothing else in btrfs has (BTRFS_FIRST_FREE_OBJECTID).
 */
async function clearSubvolumes({ folder, shown, mount }: Cleared, run: Run, signal: AbortSignal): Promise<void> {
  const argv = ['find', folder, '-xdev', '-mindepth', '1', '-type', 'd', '-inum', '256', '-print0'];
  const { stdout } = await run(argv, { timeoutMs: CLEAR_TIMEOUT_MS }, signal);
  for (const subvolume of stdout.split('\0').filter(Boolean)) {
    const name = `${shown}${subvolume.slice(folder.length)}/`;
    const clear = async (inside: string): Promise<void> => {
      await attempt(['btrfs', 'property', 'set', '-f', '-t', 'subvol', inside, 'ro', 'false'], run, signal);
      await clearFolder({ folder: inside, shown: name, mount }, run, signal);
    };
    await inFolderBelow(subvolume, mount, clear, signal);
  }
}

async function attempt(argv: readonly string[], run: Run, signal: AbortSignal): Promise<void> {
  try {
    await run(argv, { timeoutMs: CLEAR_TIMEOUT_MS }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
  }
}

const asFault = (error: unknown): unknown =>
  error instanceof CommandFailed ? new Fault('unavailable', error.message, { cause: error }) : error;
