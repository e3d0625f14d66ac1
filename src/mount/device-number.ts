import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { MountEntry } from './mountinfo.ts';

/** `major:minor` of a block device file, links followed; undefined when it is not there or is something else. */
export async function deviceNumber(device: string): Promise<string | undefined> {
  try {
    const found = await stat(device);
    return found.isBlockDevice() ? majorMinorOf(found.rdev) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The folder of device files, a filesystem of the kernel's own: looking into it never waits for anybody. */
export const DEVICES = '/dev/';

/**
 * `major:minor` of the device whose content is seen at an entry of the mount table; undefined when none is. The entry
 * may be anybody's: no path is touched but those of device files, since one on a dead network filesystem would never
 * answer.
 */
export async function deviceBehind({ majorMinor, root, fsType, source }: MountEntry): Promise<string | undefined> {
  if (isDeviceFile(fsType))
    return majorMinor === (await numberOfDevices()) ? deviceNumber(path.join(DEVICES, root)) : undefined;
  if (!majorMinor.startsWith('0:')) return majorMinor;
  return fsType === 'btrfs' && source.startsWith(DEVICES) ? deviceNumber(source) : undefined; // its numbers are its own
}

const numberOfDevices = async (): Promise<string> => majorMinorOf((await stat(DEVICES)).dev);

/** A bind mount of a device file lies on the filesystem of /dev. */
export const isDeviceFile = (fsType: string): boolean => ['devtmpfs', 'tmpfs', 'none'].includes(fsType);

/**
 * Takes a device number apart as glibc's gnu_dev_major and gnu_dev_minor do: 12 low bits of the major, 8 of the minor
 * in the middle.
 */
export function majorMinorOf(rdev: number): string {
  const value = BigInt(rdev);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n);
  const minor = (value & 0xffn) | ((value >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
