import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { majorMinorOf } from '../model/device-number.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';

/** A loop device and the file it is laid over. */
interface Backing {
  readonly loop: string;
  readonly file: string;
  /** Device number, when that file is a block device. */
  readonly rdev?: number | undefined;
  /** The file itself, where no path leads to it any more: inodeOf. */
  readonly inode?: string | undefined;
}

/**
 * Tells which loop devices are laid over the block device at a path: they do not claim it, and are not among its
 * holders in sysfs.
 */
export type LoopsOver = (device: string) => Promise<readonly string[]>;

/** `block` is /sys/block, `names` what is in it. */
export async function createLoopsOver(
  block: string,
  names: readonly string[],
  run: Run,
  signal: AbortSignal,
): Promise<LoopsOver> {
  const loops = names.filter((name) => name.startsWith('loop'));
  const backings = (await Promise.all(loops.map((loop) => backingOf(block, loop, run, signal)))).flat();
  return async (device) => {
    if (backings.length === 0) return [];
    const found = await blockDevice(device);
    return backings.flatMap(({ loop, file, rdev, inode }) =>
      file === device || (found && (found.rdev === rdev || found.inode === inode)) ? [loop] : [],
    );
  };
}

/** The attribute is there while the loop device has a file: drivers/block/loop.c. */
async function backingOf(block: string, loop: string, run: Run, signal: AbortSignal): Promise<readonly Backing[]> {
  try {
    const text = await readFile(path.join(block, loop, 'loop/backing_file'), { encoding: 'utf8', signal });
    const file = text.trimEnd();
    if (LOST.test(file)) return [{ loop, file, inode: await inodeBehind(loop, run, signal) }];
    return [{ loop, file, rdev: isDevicePath(file) ? (await blockDevice(file))?.rdev : undefined }];
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

/**
 * What the kernel tells of a file that was removed, or whose mount was taken away: the kubelet binds the device of a
 * volume over a file, lays a loop device over that, and may remove the file first.
 */
const LOST = /^\/$| \(deleted\)$/;
const LOOK_TIMEOUT_MS = 10_000;

/** The file below a loop device, which is asked itself: no path leads there. */
async function inodeBehind(loop: string, run: Run, signal: AbortSignal): Promise<string | undefined> {
  const argv = ['losetup', '--list', '--noheadings', '--output', 'BACK-MAJ:MIN,BACK-INO', `/dev/${loop}`];
  try {
    const { stdout } = await run(argv, { timeoutMs: LOOK_TIMEOUT_MS }, signal);
    return stdout.trim().split(/\s+/).join(' ');
  } catch (error) {
    if (error instanceof CommandFailed) return undefined;
    throw error;
  }
}

/**
 * Whether a path can be of a device file: in /dev, or where the kubelet binds one over a file of its own
 * (pkg/volume/util/volumepathhandler). Any other may lie on a dead network filesystem, and looking at it would never
 * end.
 */
const isDevicePath = (file: string): boolean => file.startsWith('/dev/') || file.includes('/volumeDevices/');

/** One device may have several files, as a volume of a pod is seen at another path than its disk. */
async function blockDevice(file: string): Promise<{ readonly rdev: number; readonly inode: string } | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isBlockDevice()) return undefined;
  return { rdev: found.rdev, inode: `${majorMinorOf(found.dev)} ${found.ino}` };
}
