import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandFailed } from '../exec/command-failed.ts';
import { readDevice } from '../exec/read-device.ts';
import type { Run } from '../exec/run.ts';
import type { MountEntry } from './mountinfo.ts';

const ANSWER_TIMEOUT_MS = 10_000;
/** btrfs_tree.h of Linux: where the first superblock is, and in it the filesystem's UUID and the magic. */
const SUPERBLOCK = { at: 65_536, length: 4096 };
const UUID_AT = 0x20;
const MAGIC = { at: 0x40, text: '_BHRfS_M' };

/**
 * Whether a mounted btrfs is the one that a device carries. The mount table has a number of its own for each btrfs, and
 * the name under which its device was found: that may be another device's since, as when a disk was taken out under its
 * mount and the next one is called like it, or nobody's, as when the volume was renamed. So the filesystem itself is
 * asked for its UUID, and the device. `unknown` where either does not answer.
 */
export async function isOn(
  entry: MountEntry,
  device: string,
  run: Run,
  signal: AbortSignal,
): Promise<'yes' | 'no' | 'unknown'> {
  try {
    const carried = uuidOf(await readDevice(device, SUPERBLOCK, run, signal));
    const mounted = await statfsIdAt(entry, run, signal);
    const is = carried !== undefined && (mounted === statfsId(carried) || (await isTemporary(mounted, signal)));
    return is ? 'yes' : 'no';
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return 'unknown';
  }
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

/** Undefined where there is no btrfs. */
const uuidOf = (superblock: Buffer): Buffer | undefined =>
  superblock.toString('latin1', MAGIC.at, MAGIC.at + MAGIC.text.length) === MAGIC.text
    ? superblock.subarray(UUID_AT, UUID_AT + 16)
    : undefined;

/**
 * Pure: how statfs(2) names the filesystem of a UUID, the first half of it: the second has the subvolume in it
 * (btrfs_statfs in fs/btrfs/super.c of Linux).
 */
const statfsId = (uuid: Buffer): string =>
  ((uuid.readUInt32BE(0) ^ uuid.readUInt32BE(8)) >>> 0).toString(16).padStart(8, '0');

/** Linux 6.7 and later mount a copy beside its original, under a UUID that is on no disk. */
async function isTemporary(mounted: string, signal: AbortSignal): Promise<boolean> {
  const own = await mountedAs(mounted);
  if (own === undefined) return false;
  const text = await readFile(path.join(SYSFS, own, 'temp_fsid'), { encoding: 'utf8', signal }).catch(() => '');
  return text.trim() === '1';
}

/** The UUID under which the kernel has a filesystem that statfs(2) names so. */
async function mountedAs(mounted: string): Promise<string | undefined> {
  const uuids = await readdir(SYSFS).catch(() => []);
  return uuids.find((uuid) => /^[\da-f-]{36}$/.test(uuid) && statfsId(bytesOf(uuid)) === mounted);
}

const SYSFS = '/sys/fs/btrfs';
const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');
