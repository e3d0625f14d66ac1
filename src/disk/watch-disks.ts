import { watch } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { KernelFolders } from './sysfs.ts';

/** A disk that comes brings its partitions a moment later; they are one change. */
const QUIET_MS = 500;

/** Made and removed by ourselves, or by every pod. */
const PASSING = /^(dm-|loop|ram|zram)/;

/**
 * Resolves once it watches; from then on, until aborted, `changed` is called when disks or partitions have come or
 * gone. The kernel makes and removes their files in /dev itself, with udev or without. Rejects when the folder cannot
 * be watched. A disk that grows is no event here, nor are logical volumes. (The kernel's own channel for all of this is
 * a netlink socket, which Node cannot open.)
 */
export async function watchDisks(folders: KernelFolders, changed: () => void, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let known: string | undefined;
  const look = async (): Promise<void> => {
    timer = undefined;
    const now = await listDisks(folders);
    if (now === known || signal.aborted) return;
    known = now;
    changed();
  };
  const watcher = watch(folders.dev, { signal, persistent: false }, () => {
    timer ??= setTimeout(() => void look().catch(changed), QUIET_MS).unref();
  });
  watcher.on('error', changed); // it watches no more
  watcher.once('close', () => clearTimeout(timer));
  known = await listDisks(folders);
}

/**
 * Names and sequence numbers: a disk pulled and another put in its place have the same name, and never the same number.
 */
async function listDisks({ sys }: KernelFolders): Promise<string> {
  const folder = path.join(sys, 'class/block');
  const names = (await readdir(folder)).filter((name) => !PASSING.test(name)).toSorted();
  const entries = names.map(async (name) => {
    const number = await readFile(path.join(folder, name, 'diskseq'), 'utf8').catch(() => ''); // Linux 5.15; disks only
    return `${name} ${number.trim()}`;
  });
  return (await Promise.all(entries)).join('\n');
}
