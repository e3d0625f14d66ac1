import path from 'node:path';
import { present } from '../model/present.ts';
import { attribute, children } from './attribute.ts';

/** What the kernel knows of a disk's health, without a command to the disk. */
export interface KernelSigns {
  /** The kernel sends it nothing any more. */
  readonly offline: boolean;
  /**
   * SCSI and SATA: commands that failed since the disk came. Refused ones count too: every disk has some, and a look at
   * its SMART adds to them.
   */
  readonly failedCommands?: number;
}

/** Reads what is known of a disk by its kernel name; reading it cannot hang. */
export async function readKernelSigns(sys: string, name: string, signal: AbortSignal): Promise<KernelSigns> {
  const device = path.join(sys, 'block', name, 'device');
  const states = await statesOf(device, signal);
  const failed = Number((await attribute(device, 'ioerr_cnt', signal)) || Number.NaN); // 0x2a
  return {
    offline: states.length > 0 && states.every((state) => GIVEN_UP.has(state)),
    ...present({ failedCommands: Number.isSafeInteger(failed) ? failed : undefined }),
  };
}

/** SCSI's (drivers/scsi/scsi_sysfs.c) and NVMe's (drivers/nvme/host/sysfs.c). */
const GIVEN_UP: ReadonlySet<string> = new Set(['offline', 'transport-offline', 'dead']);

/** One state, or that of each controller of an NVMe disk that may have several. */
async function statesOf(device: string, signal: AbortSignal): Promise<readonly string[]> {
  const own = await attribute(device, 'state', signal);
  if (own !== undefined) return [own];
  const controllers = (await children(device)).filter((name) => /^nvme\d+$/.test(name));
  const states = await Promise.all(
    controllers.map((controller) => attribute(path.join(device, controller), 'state', signal)),
  );
  return states.flatMap((state) => state ?? []);
}

/**
 * Kernel names of devices whose mounted filesystem met an error of reading or writing, with how many it counted. ext4
 * keeps its count on the disk until the filesystem is checked, btrfs until it is reset; xfs counts nothing in sysfs.
 */
export async function filesystemErrors(sys: string, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const found = [...(await ext4Errors(path.join(sys, 'fs/ext4'), signal)), ...(await btrfsErrors(sys, signal))];
  return new Map(found.filter(([, errors]) => errors > 0));
}

/**
 * EXT4_ERR_EIO in fs/ext4/ext4.h. Other errors are of what is written in the filesystem, which is its owner's: nobody
 * may have a disk called failing by what is written on a volume.
 */
const EIO = '2';

async function ext4Errors(folder: string, signal: AbortSignal): Promise<readonly (readonly [string, number])[]> {
  const names = (await children(folder)).filter((name) => name !== 'features');
  return Promise.all(
    names.map(async (name) => {
      const read = (file: string) => attribute(path.join(folder, name), file, signal);
      const codes = [await read('first_error_errcode'), await read('last_error_errcode')];
      return [name, codes.includes(EIO) ? Number((await read('errors_count')) ?? 0) : 0] as const;
    }),
  );
}

/** A filesystem over several devices counts for each by a number of its own; which is which is not told. */
async function btrfsErrors(sys: string, signal: AbortSignal): Promise<readonly (readonly [string, number])[]> {
  const folder = path.join(sys, 'fs/btrfs');
  const found = await Promise.all(
    (await children(folder)).map(async (uuid) => {
      const devices = await children(path.join(folder, uuid, 'devices'));
      const ids = await children(path.join(folder, uuid, 'devinfo'));
      const [device] = devices;
      if (device === undefined || devices.length > 1) return [];
      const texts = await Promise.all(
        ids.map((id) => attribute(path.join(folder, uuid, 'devinfo', id), 'error_stats', signal)),
      );
      return [[device, texts.reduce((sum, text) => sum + ofDevice(text ?? ''), 0)] as const];
    }),
  );
  return found.flat();
}

/** Lines such as `read_errs 3`; what is written wrongly is not the device's. */
const ofDevice = (text: string): number =>
  [...text.matchAll(/^(?:write|read|flush)_errs (\d+)$/gm)].reduce((sum, [, errors]) => sum + Number(errors), 0);
