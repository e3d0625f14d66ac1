import { realpath } from 'node:fs/promises';
import type { Run } from '../exec/run.ts';
import { probeContent } from './content.ts';
import type { Disks } from './disks.ts';
import { watchDisks } from './watch-disks.ts';
import { wipeDevice } from './wipe.ts';
import { readBlockDevices, type KernelFolders } from './sysfs.ts';

const HOST: KernelFolders = { sys: '/sys', proc: '/proc', dev: '/dev' };

/** The block devices of this machine, from sysfs; their content through wipefs. `folders` replaces /sys, /proc and /dev in tests. */
export function createHostDisks(run: Run, folders: KernelFolders = HOST): Disks {
  return {
    list: (signal) => readBlockDevices(folders, signal),
    resolve: (path) => realpath(path).catch(() => undefined),
    probe: (device, signal) => probeContent(device, run, signal),
    watch: (changed, signal) => watchDisks(folders, changed, signal),
    wipe: (device, signal) => wipeDevice(device, run, signal),
  };
}
