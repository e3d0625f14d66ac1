import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { MIB } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';

/** Behind LVM's label, and the header that names the states of a group, which begin here (content.ts). */
const STATES_AT = 4608;

/**
 * Zeroes what LVM keeps in the first MiB of a device, opened exclusively: lvm itself refuses a device that it began to
 * put into a group. The label goes last, so that a cut leaves what it found, or a blank device. Throws Fault
 * `unavailable`.
 */
export async function unlabelDevice(path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    const handle = await open(path, constants.O_WRONLY | constants.O_EXCL);
    try {
      await zero(handle, STATES_AT, MIB);
      await handle.sync();
      await zero(handle, 0, STATES_AT);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new Fault('unavailable', `${path} cannot be cleared: ${textOf(error)}`, { cause: error });
  }
}

async function zero(handle: FileHandle, start: number, end: number): Promise<void> {
  for (let at = start; at < end;) {
    const { bytesWritten } = await handle.write(Buffer.alloc(end - at), 0, end - at, at);
    at += bytesWritten;
  }
}
