import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import type { MountEntry } from './mountinfo.ts';

const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Whether a mounted btrfs is on the block device of this number, `major:minor`. The mount table has a number of its own
 * for each btrfs, and the name under which its device was found: that may be another device's since, as when a disk was
 * taken out under its mount and the next one is called like it, or nobody's, as when the volume was renamed. So the
 * kernel is asked which filesystems are on the device, and only where there is one the mount is asked which it is. A
 * device keeps its number while a filesystem has it open. `unknown` where the mount or the kernel does not answer.
 * `sys` replaces /sys in tests.
 */
export async function isOn(
  entry: MountEntry,
  number: string,
  { run, sys = SYS }: { readonly run: Run; readonly sys?: string },
  signal: AbortSignal,
): Promise<'yes' | 'no' | 'unknown'> {
  const there = await filesystemsOn(number, sys);
  if (there === undefined) return 'unknown';
  if (there.length === 0) return 'no';
  try {
    const mounted = await statfsIdAt(entry, run, signal);
    return there.some((uuid) => statfsId(bytesOf(uuid)) === mounted) ? 'yes' : 'no';
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return 'unknown';
  }
}

/**
 * The UUIDs under which the kernel has the filesystems of a device: its own, or one for the time, under which Linux 6.7
 * and later mount a copy beside its original. Undefined where the kernel does not tell (sysfs of Linux:
 * fs/btrfs/sysfs.c).
 */
async function filesystemsOn(number: string, sys: string): Promise<readonly string[] | undefined> {
  const link = await readlink(path.join(sys, 'dev/block', number)).catch(() => undefined);
  const uuids = await uuidsIn(sys);
  if (link === undefined || uuids === undefined) return undefined;
  const has = async (uuid: string): Promise<boolean> => {
    const file = path.join(sys, 'fs/btrfs', uuid, 'devices', path.basename(link), 'dev');
    return (await readFile(file, 'utf8').catch(() => '')).trim() === number;
  };
  const found = await Promise.all(uuids.map(has));
  return uuids.filter((_, at) => found[at]);
}

/** The UUID of a mounted btrfs by the kernel alone; undefined where that does not tell. */
export async function mountedUuid(entry: MountEntry, run: Run, signal: AbortSignal): Promise<string | undefined> {
  const mounted = await statfsIdAt(entry, run, signal).catch(() => undefined);
  signal.throwIfAborted();
  const own = mounted === undefined ? undefined : await mountedAs(mounted);
  return own !== undefined && mounted !== undefined && !(await isTemporary(mounted, signal)) ? own : undefined;
}

async function statfsIdAt({ target }: MountEntry, run: Run, signal: AbortSignal): Promise<string> {
  const argv = ['stat', '-f', '-c', '%i', '--', target];
  const { stdout } = await run(argv, { timeoutMs: ANSWER_TIMEOUT_MS }, signal);
  return stdout.trim().padStart(16, '0').slice(0, 8);
}

/**
 * Pure: how statfs(2) names the filesystem of a UUID, the first half of it: the second has the subvolume in it
 * (btrfs_statfs in fs/btrfs/super.c of Linux).
 */
const statfsId = (uuid: Buffer): string =>
  ((uuid.readUInt32BE(0) ^ uuid.readUInt32BE(8)) >>> 0).toString(16).padStart(8, '0');

/** Whether its UUID is one for the time, which is on no disk. */
async function isTemporary(mounted: string, signal: AbortSignal): Promise<boolean> {
  const own = await mountedAs(mounted);
  if (own === undefined) return false;
  const file = path.join(SYS, 'fs/btrfs', own, 'temp_fsid');
  const text = await readFile(file, { encoding: 'utf8', signal }).catch(() => '');
  return text.trim() === '1';
}

/** The UUID under which the kernel has a filesystem that statfs(2) names so. */
async function mountedAs(mounted: string): Promise<string | undefined> {
  return (await uuidsIn(SYS))?.find((uuid) => statfsId(bytesOf(uuid)) === mounted);
}

/** Of all that are mounted; undefined where the kernel does not tell. */
async function uuidsIn(sys: string): Promise<readonly string[] | undefined> {
  const names = await readdir(path.join(sys, 'fs/btrfs')).catch(() => undefined);
  return names?.filter((name) => /^[\da-f-]{36}$/.test(name));
}

const SYS = '/sys';
const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');
