import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

/** A loop device and the file it is laid over. */
interface Backing {
  readonly loop: string;
  readonly file: string;
  /** Device number, when that file is a block device. */
  readonly rdev: number | undefined;
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
  signal: AbortSignal,
): Promise<LoopsOver> {
  const loops = names.filter((name) => name.startsWith('loop'));
  const backings = (await Promise.all(loops.map((loop) => backingOf(block, loop, signal)))).flat();
  return async (device) => {
    if (backings.length === 0) return [];
    const rdev = await blockNumber(device);
    return backings.flatMap(({ loop, file, ...backing }) =>
      file === device || (rdev !== undefined && rdev === backing.rdev) ? [loop] : [],
    );
  };
}

/** The attribute is there while the loop device has a file: drivers/block/loop.c. */
async function backingOf(block: string, loop: string, signal: AbortSignal): Promise<readonly Backing[]> {
  try {
    const text = await readFile(path.join(block, loop, 'loop/backing_file'), { encoding: 'utf8', signal });
    const file = text.trimEnd();
    return [{ loop, file, rdev: isDevicePath(file) ? await blockNumber(file) : undefined }];
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

/**
 * Whether a path can be of a device file: in /dev, or where the kubelet binds one over a file of its own
 * (pkg/volume/util/volumepathhandler). Any other may lie on a dead network filesystem, and looking at it would never
 * end.
 */
const isDevicePath = (file: string): boolean => file.startsWith('/dev/') || file.includes('/volumeDevices/');

/** One device may have several files: a volume of a pod is seen at another path than its disk. */
async function blockNumber(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.isBlockDevice() ? found.rdev : undefined;
}
