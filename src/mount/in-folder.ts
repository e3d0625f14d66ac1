import { constants } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { Fault } from '../model/fault.ts';
import { parseMountinfo, type MountEntry } from './mountinfo.ts';

/**
 * Runs `work` in the folder at which a filesystem is mounted now. The folder is held open meanwhile and given by a path
 * that leads to that very folder, so that no unmount or mount in between leads the work to another one. Throws Fault
 * `precondition` when nothing is mounted there.
 */
export async function inFolder<T>(
  target: string,
  work: (folder: string, found: MountEntry) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  await using handle = await open(target, O_PATH | constants.O_DIRECTORY);
  const found = await mountOf(handle, signal);
  if (found?.target !== target) throw remounted(target);
  return await work(pathOf(handle), found);
}

/**
 * Runs `work` in a folder of a mounted filesystem, held open as by inFolder. Does nothing, and returns undefined, where
 * something else is mounted.
 */
export async function inFolderBelow<T>(
  folder: string,
  { id }: MountEntry,
  work: (folder: string) => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  await using handle = await open(folder, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return (await mountOf(handle, signal))?.id === id ? await work(pathOf(handle)) : undefined;
}

/** open(2): a handle that names a folder and reads nothing, so that no filesystem is asked; Node has no name for it. */
const O_PATH = 0o10_000_000;

const pathOf = ({ fd }: FileHandle): string => `/proc/${process.pid}/fd/${fd}/`;

/** The mount that an open file belongs to: proc_pid_fdinfo(5). */
async function mountOf({ fd }: FileHandle, signal: AbortSignal): Promise<MountEntry | undefined> {
  const info = await readFile(`/proc/self/fdinfo/${fd}`, { encoding: 'utf8', signal });
  const id = Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1]);
  const entries = parseMountinfo(await readFile('/proc/self/mountinfo', { encoding: 'utf8', signal }));
  return entries.find((entry) => entry.id === id);
}

export const remounted = (target: string): Fault =>
  new Fault('precondition', `the filesystem that was seen at ${target} is not mounted there now: nothing was touched`);
