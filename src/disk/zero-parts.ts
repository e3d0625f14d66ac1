import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Part } from '../exec/read-device.ts';

/**
 * Overwrites parts of a device with zeros, each of which is on the disk before the next one begins, and makes no file
 * where there is no device. The device is opened for nobody else (O_EXCL without O_CREAT, open(2)): throws EBUSY while
 * it is in use, and whatever else opening and writing throw.
 */
export async function zeroParts(path: string, parts: readonly Part[]): Promise<void> {
  await using handle = await open(path, constants.O_WRONLY | constants.O_EXCL | constants.O_DSYNC);
  for (const part of parts) await writeZeros(handle, part);
}

/** Writes zeros however few bytes a single write takes. */
export async function writeZeros(handle: Pick<FileHandle, 'write'>, { at, length }: Part): Promise<void> {
  const zeros = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesWritten } = await handle.write(zeros, 0, length - done, at + done);
    done += bytesWritten;
  }
}
