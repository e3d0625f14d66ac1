import { access, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';

/**
 * Whether a device-mapper device, `major:minor`, still leads to a disk that was pulled: also when the disk is back,
 * since it comes back as another device. Both ends name each other in sysfs (bd_link_disk_holder in block/holder.c),
 * and the disk's end goes with the disk. False of what is no such device, or is not there.
 */
export async function isDetached(sys: string, majorMinor: string): Promise<boolean> {
  const device = path.join(sys, 'dev/block', majorMinor);
  try {
    const name = path.basename(await realpath(device));
    const slaves = await readdir(path.join(device, 'slaves'));
    const ends = await Promise.all(slaves.map((slave) => exists(path.join(device, 'slaves', slave, 'holders', name))));
    return ends.includes(false);
  } catch {
    return false;
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
