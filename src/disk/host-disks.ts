import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Run } from '../exec/run.ts';
import { majorMinorOf } from '../model/device-number.ts';
import { probeContent } from './content.ts';
import type { Disks } from './disks.ts';
import { eraseDevice, type ErasePolicy } from './erase.ts';
import { watchDisks } from './watch-disks.ts';
import { unlabelDevice } from './unlabel.ts';
import { wipeDevice } from './wipe.ts';
import { readBlockDevices, type KernelFolders } from './sysfs.ts';

const HOST: KernelFolders = { sys: '/sys', proc: '/proc', dev: '/dev' };

/**
 * By the number of the device file: its name says nothing, since where udev does not do it lvm makes files and not
 * links, and one that is left behind has the number of another volume by now.
 */
async function mapperUuid(sys: string, device: string): Promise<string | undefined> {
  try {
    const found = await stat(device);
    if (!found.isBlockDevice()) return undefined;
    const file = path.join(sys, 'dev/block', majorMinorOf(found.rdev), 'dm/uuid');
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * The block devices of this machine, from sysfs; their content through wipefs. `policy` is for what is removed;
 * `folders` replaces /sys, /proc and /dev in tests.
 */
export function createHostDisks(run: Run, policy: ErasePolicy, folders: KernelFolders = HOST): Disks {
  return {
    list: (signal) => readBlockDevices(folders, run, signal),
    resolve: (path) => realpath(path).catch(() => undefined),
    mapperUuid: (path) => mapperUuid(folders.sys, path),
    probe: (device, signal) => probeContent(device, run, signal),
    watch: (changed, signal) => watchDisks(folders, changed, signal),
    wipe: (device, signal) => wipeDevice(device, policy, run, signal),
    unlabel: ({ path }, signal) => unlabelDevice(path, signal),
    erase: (device, signal) => eraseDevice(device, policy, run, signal),
  };
}
