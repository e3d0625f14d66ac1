import type { Stats } from 'node:fs';
import { lstat, mkdir, open, realpath, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Fault } from '../../model/fault.ts';
import { pathFault } from './path-fault.ts';

/**
 * The path as mount tables have it: links in the folders above are followed, since a kubelet's root folder may be one;
 * one at its end is not. Throws Fault when the folders above cannot be read. Where they are not there, the path is
 * given back.
 */
export async function resolveAbove(target: string): Promise<string> {
  try {
    return path.join(await realpath(path.dirname(target)), path.basename(target));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return target;
    throw pathFault('looked at', target, error);
  }
}

/**
 * Makes the folder at which a volume will be mounted; one that is there is kept. The folder above is never made: that
 * the kubelet did proves that it means this very filesystem, and not the agent's container. Throws Fault.
 */
export function makeFolder(target: string): Promise<void> {
  const isFine = (found: Stats): boolean => found.isDirectory();
  return make(target, 'folder', () => mkdir(target, { mode: 0o750 }), isFine);
}

/** Makes the empty file over which a device file will be bound; otherwise as makeFolder. */
export function makeFile(target: string): Promise<void> {
  const isFine = (found: Stats): boolean => found.isFile() && found.size === 0;
  return make(target, 'empty file', async () => (await open(target, 'wx', 0o660)).close(), isFine);
}

async function make(
  target: string,
  what: string,
  create: () => Promise<void>,
  isFine: (found: Stats) => boolean,
): Promise<void> {
  const found = await lookAt(target);
  if (found !== undefined && !isFine(found))
    throw new Fault(
      'precondition',
      `${target} is ${nameOf(found)} where the ${what} for a mount belongs: see what it is, and move it away`,
    );
  try {
    if (found === undefined) await create();
  } catch (error) {
    throw pathFault('made', target, error);
  }
}

/** Removes an empty folder, an empty file or a link. Throws Fault, and removes nothing, when it has content. */
export async function removeTarget(target: string): Promise<void> {
  const found = await lookAt(target);
  if (found === undefined) return;
  if (found.isFile() && found.size > 0)
    throw new Fault('precondition', `${target} is a file with content: it is left alone; move it away`);
  try {
    await (found.isDirectory() ? rmdir(target) : unlink(target));
  } catch (error) {
    throw pathFault('removed', target, error);
  }
}

async function lookAt(target: string): Promise<Stats | undefined> {
  try {
    return await lstat(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw pathFault('looked at', target, error);
  }
}

function nameOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isDirectory()) return 'a folder';
  if (found.isFile()) return found.size > 0 ? 'a file with content' : 'a file';
  return 'a device, socket or pipe';
}
