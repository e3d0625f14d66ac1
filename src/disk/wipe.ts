import { MIB } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { probeContent } from './content.ts';
import type { BlockDevice } from './disks.ts';
import { eraseDevice, type ErasePolicy } from './erase.ts';
import { zeroParts } from './zero-parts.ts';

type Device = Pick<BlockDevice, 'path' | 'size'> & Partial<Pick<BlockDevice, 'partitions'>>;

const WIPEFS_TIMEOUT_MS = 60_000;
const REREAD_TIMEOUT_MS = 60_000;

/**
 * Destroys what is on a device: all of it as `policy` says, and always its signatures, first and last MiB. Each step
 * opens the device exclusively, so that nothing is done to one in use. May be cut at any point and repeated; it ends
 * only when the device is blank. Throws Fault `precondition` while something holds it, `unavailable` when it cannot be
 * written.
 */
export async function wipeDevice(device: Device, policy: ErasePolicy, run: Run, signal: AbortSignal): Promise<void> {
  await zeroEnds(device, 0); // only finds out whether it is in use
  await eraseDevice(device, policy, run, signal);
  await eraseSignatures(device, run, signal);
  await zeroEnds(device, MIB);
  const { busy, unreadable, signatures, dataAt } = await probeContent(device, run, signal);
  if (busy) throw inUse(device);
  if (unreadable !== undefined) throw new Fault('unavailable', `${device.path} cannot be read: ${unreadable}`);
  if (signatures.length > 0 || dataAt !== undefined)
    throw new Fault('unavailable', `${device.path} was wiped and is not blank: something wrote to it meanwhile`);
  if (device.partitions?.length) await forgetPartitions(device, run, signal);
}

/**
 * The kernel has the partitions still whose table was overwritten, so that the disk is in use for whoever looks. udev
 * may have it look again, and has it not on every machine.
 */
async function forgetPartitions({ path }: Device, run: Run, signal: AbortSignal): Promise<void> {
  try {
    await run(['blockdev', '--rereadpt', path], { timeoutMs: REREAD_TIMEOUT_MS }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error; // else the disk is told to have partitions
  }
}

async function eraseSignatures({ path }: Device, run: Run, signal: AbortSignal): Promise<void> {
  try {
    await run(['wipefs', '--all', '--', path], { timeoutMs: WIPEFS_TIMEOUT_MS }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Fault('unavailable', textOf(error), { cause: error });
  }
}

async function zeroEnds(device: Device, bytes: number): Promise<void> {
  const { path, size } = device;
  const length = Math.min(bytes, size);
  try {
    await zeroParts(path, [
      { at: size - length, length },
      { at: 0, length },
    ]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') throw inUse(device);
    throw new Fault('unavailable', `${path} cannot be written: ${textOf(error)}`, { cause: error });
  }
}

const inUse = ({ path }: Device): Fault =>
  new Fault('precondition', `${path} is in use: it is wiped once nothing holds it (lsof ${path})`);
