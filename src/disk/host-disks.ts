import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Run } from '../exec/run.ts';
import { probeContent } from './content.ts';
import type { Disks } from './disks.ts';
import { eraseDevice, type ErasePolicy } from './erase.ts';
import { watchDisks } from './watch-disks.ts';
import { unlabelDevice } from './unlabel.ts';
import { wipeDevice } from './wipe.ts';
import { readBlockDevices, type KernelFolders } from './sysfs.ts';

const HOST: KernelFolders = { sys: '/sys', proc: '/proc', dev: '/dev' };

async function mapperUuid(sys: string, device: string): Promise<string | undefined> {
  try {
    const name = path.basename(await realpath(device));
    return (await readFile(path.join(sys, 'block', name, 'dm/uuid'), 'utf8')).trim() || undefined;
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
    list: (signal) => readBlockDevices(folders, signal),
    resolve: (path) => realpath(path).catch(() => undefined),
    mapperUuid: (path) => mapperUuid(folders.sys, path),
    probe: (device, signal) => probeContent(device, run, signal),
    watch: (changed, signal) => watchDisks(folders, changed, signal),
    wipe: (device, signal) => wipeDevice(device, policy, run, signal),
    unlabel: ({ path }, signal) => unlabelDevice(path, signal),
    erase: (device, signal) => eraseDevice(device, policy, run, signal),
  };
}
