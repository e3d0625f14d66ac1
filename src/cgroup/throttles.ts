import { access, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Fault, textOf } from '../model/fault.ts';
import type { IoLimits } from '../model/storage-class.ts';
import { settingsOf, type Setting } from './io-max.ts';
import { podCgroupPaths } from './pod-cgroup.ts';

/** The IO limits of pods in the kernel's control groups. */
export interface Throttles {
  /** The version of the hierarchy that can limit IO; undefined when there is none. */
  version(signal: AbortSignal): Promise<1 | 2 | undefined>;
  /**
   * Sets a pod's limits on a device, `major:minor`; empty limits take them away. Returns whether anything was written,
   * or that the pod has no cgroup. Throws Fault `precondition` when the kernel cannot limit the device, `unavailable`
   * when it refuses.
   */
  apply(use: ThrottledUse, signal: AbortSignal): Promise<'set' | 'kept' | 'no-cgroup'>;
  /**
   * The folders to watch for a pod: its cgroup, where limits are written and its containers' cgroups come and go;
   * without a cgroup, the folders in which it may appear.
   */
  foldersOf(podUid: string, signal: AbortSignal): Promise<readonly string[]>;
}

export interface ThrottledUse {
  readonly podUid: string;
  readonly device: string;
  readonly limits: IoLimits;
}

interface Hierarchy {
  readonly version: 1 | 2;
  readonly root: string;
}

/** `root` is where cgroups are mounted: /sys/fs/cgroup, or the host's as a container sees it. */
export function createThrottles(root: string): Throttles {
  const podFolder = async (hierarchy: Hierarchy, podUid: string): Promise<string | undefined> => {
    for (const candidate of podCgroupPaths(podUid)) {
      const folder = path.join(hierarchy.root, candidate);
      if (await exists(folder)) return folder;
    }
    return undefined;
  };

  return {
    version: async () => (await findHierarchy(root))?.version,
    foldersOf: async (podUid) => {
      const hierarchy = await findHierarchy(root);
      if (!hierarchy) return [];
      const folder = await podFolder(hierarchy, podUid);
      return folder === undefined ? parentsFor(hierarchy, podUid) : limitedFolders(hierarchy, folder);
    },
    apply: async ({ podUid, device, limits }, signal) => {
      const hierarchy = await findHierarchy(root);
      if (!hierarchy) throw new Fault('precondition', `no IO controller under ${root}: enable io (v2) or blkio (v1)`);
      const folder = await podFolder(hierarchy, podUid);
      if (folder === undefined) return 'no-cgroup';
      const settings = settingsOf(hierarchy.version, device, limits);
      if (hierarchy.version === 2 && Object.keys(limits).length > 0) await enableIo(root, folder);
      const folders = await limitedFolders(hierarchy, folder);
      const done = await Promise.all(
        folders.flatMap((each) => settings.map((setting) => ensure(each, setting, device, signal))),
      );
      return done.includes('set') ? 'set' : 'kept';
    },
  };
}

/**
 * On a machine with both versions, v1 is used if it has the controller: the kernel offers a controller in one hierarchy
 * only.
 */
async function findHierarchy(root: string): Promise<Hierarchy | undefined> {
  const blkio = path.join(root, 'blkio');
  if (await exists(path.join(blkio, 'blkio.throttle.read_bps_device'))) return { version: 1, root: blkio };
  const controllers = await readFile(path.join(root, 'cgroup.controllers'), 'utf8').catch(() => '');
  return controllers.trim().split(' ').includes('io') ? { version: 2, root } : undefined;
}

/**
 * Has the kernel offer `io.max` in a pod's cgroup. systemd takes a controller that none of its units asks for away from
 * the slices of pods, and limits with it, as soon as it is reloaded (runc turns it on for new pods alone). A folder
 * that refuses is told by what is then missing. Documentation/admin-guide/cgroup-v2.rst, "Enabling and Disabling".
 */
async function enableIo(root: string, folder: string): Promise<void> {
  if (await exists(path.join(folder, 'io.max'))) return;
  const parts = path.relative(root, path.dirname(folder)).split(path.sep).filter(Boolean);
  for (let depth = 0; depth <= parts.length; depth += 1) {
    const file = path.join(root, ...parts.slice(0, depth), 'cgroup.subtree_control');
    const enabled = await readFile(file, 'utf8').catch(() => undefined);
    if (enabled === undefined || enabled.trim().split(' ').includes('io')) continue;
    await writeFile(file, '+io').catch(() => {});
  }
}

/** A limit of v2 holds for everything below; one of v1 only for the processes of that very cgroup. */
const limitedFolders = async ({ version }: Hierarchy, folder: string): Promise<readonly string[]> =>
  version === 2 ? [folder] : withChildren(folder);

async function parentsFor({ root }: Hierarchy, podUid: string): Promise<readonly string[]> {
  const parents = [...new Set(podCgroupPaths(podUid).map((candidate) => path.join(root, path.dirname(candidate))))];
  const there = await Promise.all(parents.map(exists));
  return parents.filter((_, at) => there[at]);
}

async function withChildren(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const children = entries.filter((entry) => entry.isDirectory()).map(({ name }) => path.join(folder, name));
  return [folder, ...(await Promise.all(children.map(withChildren))).flat()];
}

/** Writes a setting unless it holds already, and reads it back. A cgroup that is removed meanwhile needs no limit. */
async function ensure(folder: string, setting: Setting, device: string, signal: AbortSignal): Promise<'set' | 'kept'> {
  const file = path.join(folder, setting.file);
  try {
    if (setting.holds(await readFile(file, { encoding: 'utf8', signal }))) return 'kept';
    await writeFile(file, setting.line, { signal });
    if (setting.holds(await readFile(file, { encoding: 'utf8', signal }))) return 'set';
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (!(await exists(folder))) return 'kept';
    if (code === 'ENODEV')
      throw new Fault('precondition', `the kernel limits IO of whole devices only, and ${device} is none`, {
        cause: error,
      });
    if (code === 'ENOENT' && setting.holds('')) return 'kept';
    if (code === 'ENOENT')
      throw new Fault(
        'unavailable',
        `${file} is not there: the io controller is off for this pod; write +io to cgroup.subtree_control in each folder above`,
        { cause: error },
      );
    throw new Fault('unavailable', `${file} could not be set to "${setting.line}": ${textOf(error)}`, { cause: error });
  }
  throw new Fault('unavailable', `${file} was set to "${setting.line}" and does not say so`);
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
