import { stat } from 'node:fs/promises';
import path from 'node:path';
import { majorMinorOf } from '../model/device-number.ts';
import type { MountEntry } from './mountinfo.ts';

/** `major:minor` of a block device file, links followed; undefined when it is not there or is something else. */
export async function deviceNumber(device: string): Promise<string | undefined> {
  try {
    const found = await stat(device);
    return found.isBlockDevice() ? majorMinorOf(found.rdev) : undefined;
  } catch (error) {
    if (NOT_THERE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Also where a part of the path is a file by now. */
const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

/** The folder of device files, a filesystem of the kernel's own: looking into it never waits for anybody. */
export const DEVICES = '/dev/';

/**
 * `major:minor` of the device whose content is seen at an entry of the mount table; undefined when none is. The entry
 * may be anybody's: no path is touched but those of device files, since one on a dead network filesystem would never
 * answer. Of a btrfs it is the device that has its source's name now: btrfs.ts.
 */
export async function deviceBehind({ majorMinor, root, fsType, source }: MountEntry): Promise<string | undefined> {
  if (isDeviceFile(fsType))
    return majorMinor === (await numberOfDevices()) && !DELETED.test(root)
      ? deviceNumber(path.join(DEVICES, root))
      : undefined;
  if (!majorMinor.startsWith('0:')) return majorMinor;
  return fsType === 'btrfs' && source.startsWith(DEVICES) ? deviceNumber(source) : undefined; // its numbers are its own
}

/** The kernel writes it behind the name of what was taken out of its folder; a file of that name is another one. */
const DELETED = /\/\/deleted$/;

const numberOfDevices = async (): Promise<string> => majorMinorOf((await stat(DEVICES)).dev);

/** A bind mount of a device file lies on the filesystem of /dev. */
export const isDeviceFile = (fsType: string): boolean => ['devtmpfs', 'tmpfs', 'none'].includes(fsType);
