import { MIB } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';
import { zeroParts } from './zero-parts.ts';

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
    await zeroParts(path, [
      { at: STATES_AT, length: MIB - STATES_AT },
      { at: 0, length: STATES_AT },
    ]);
  } catch (error) {
    throw new Fault('unavailable', `${path} cannot be cleared: ${textOf(error)}`, { cause: error });
  }
}
