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
 * Whether a mounted btrfs may be the one that a device carries. The mount table has a number of its own for each btrfs,
 * and the name under which its device was found: that may be another device's since, as when a disk was taken out under
 * its mount and the next one is called like it. So the filesystem itself is asked for its UUID, and the device. True
 * where either does not answer.
 */
export async function mayBeOn(entry: MountEntry, device: string, run: Run, signal: AbortSignal): Promise<boolean> {
  try {
    const superblock = await readDevice(device, SUPERBLOCK, run, signal);
    const argv = ['stat', '-f', '-c', '%i', '--', entry.target];
    const { stdout } = await run(argv, { timeoutMs: ANSWER_TIMEOUT_MS }, signal);
    const mounted = stdout.trim().padStart(16, '0').slice(0, 8);
    const carried = uuidOf(superblock);
    return carried !== undefined && (mounted === statfsId(carried) || (await isTemporary(mounted, signal)));
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return true;
  }
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
  const uuids = await readdir(SYSFS).catch(() => []);
  const own = uuids.find((uuid) => /^[\da-f-]{36}$/.test(uuid) && statfsId(bytesOf(uuid)) === mounted);
  if (own === undefined) return false;
  const text = await readFile(path.join(SYSFS, own, 'temp_fsid'), { encoding: 'utf8', signal }).catch(() => '');
  return text.trim() === '1';
}

const SYSFS = '/sys/fs/btrfs';
const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');
