import { lstat, mkdir, open, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Fault } from '../../model/fault.ts';
import { mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import type { InlineVolume } from './inline-volume.ts';
import type { Publish, Target } from './node-requests.ts';
import { requireVolume } from './node-volumes.ts';
import type { PublishedLimits } from './published-limits.ts';
import { assertDevice, stageVolume, type StageDeps } from './stage.ts';

export interface PublishDeps extends StageDeps {
  readonly limits: PublishedLimits;
}

/** Binds a staged volume to a pod's path, as a folder or as a device file. May be repeated. */
export async function publishVolume(wanted: Publish, deps: PublishDeps, signal: AbortSignal): Promise<void> {
  const { id, stagingPath, targetPath, access } = wanted;
  const { mounts, filesystems, volumes } = deps;
  const volume = await requireVolume(volumes, id, signal);
  if (access.block) {
    if (volume.kind === 'MountPoint')
      throw new Fault('invalid', `volume ${id} is a mounted filesystem and cannot be had as a block device`);
    await assertDevice(volume, filesystems, signal);
    await makeFile(targetPath);
  } else {
    if (!mountAt(await mounts.list(signal), stagingPath))
      throw new Fault('precondition', `volume ${id} is not mounted at ${stagingPath}: NodeStageVolume comes first`);
    await mkdir(targetPath, { recursive: true, mode: 0o750 });
  }
  const source = access.block ? volume.source : stagingPath;
  await mounts.bind({ source, target: targetPath, readOnly: access.readOnly, options: [] }, signal);
  if (access.singleWriter) await assertOnly(wanted, deps, signal);
  await deps.limits.apply(volume, wanted.pod, signal);
}

/** Makes an inline volume and mounts it at the pod's path, since the kubelet does not stage inline volumes. May be repeated. */
export async function publishInline(
  inline: InlineVolume,
  { id, targetPath, access, pod }: Target,
  deps: PublishDeps,
  signal: AbortSignal,
): Promise<void> {
  await deps.volumes.makeInline(inline, signal);
  await stageVolume({ id, stagingPath: targetPath, access }, deps, signal);
  await deps.limits.apply(await requireVolume(deps.volumes, id, signal), pod, signal);
}

/** Takes the new mount away again, and throws Fault `precondition`, when the volume is published at another path too. */
async function assertOnly(
  { id, stagingPath, targetPath }: Publish,
  deps: UnpublishDeps,
  signal: AbortSignal,
): Promise<void> {
  const entries = await deps.mounts.list(signal);
  const mine = mountAt(entries, targetPath);
  const same = (other: MountEntry): boolean =>
    other.majorMinor === mine?.majorMinor && other.root === mine.root && other.source === mine.source;
  const other = entries.find((entry) => same(entry) && entry.target !== targetPath && entry.target !== stagingPath);
  if (!other) return;
  await unpublishVolume(targetPath, deps, signal);
  throw new Fault('precondition', `volume ${id} is for a single writer and published at ${other.target} already`);
}

type UnpublishDeps = Pick<PublishDeps, 'mounts' | 'limits'>;

/** Unmounts a volume from a pod's path and removes the path. May be repeated. */
export async function unpublishVolume(
  targetPath: string,
  { mounts, limits }: UnpublishDeps,
  signal: AbortSignal,
): Promise<void> {
  await mounts.unmount(targetPath, signal);
  await limits.lift(targetPath, signal);
  await removeTarget(targetPath);
}

/** Makes the empty file over which a device file is bound. */
async function makeFile(target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true, mode: 0o750 });
  await (await open(target, 'a', 0o660)).close();
}

/** Removes an empty folder or file. Throws Fault, and removes nothing, when it has content. */
async function removeTarget(target: string): Promise<void> {
  try {
    const found = await lstat(target);
    if (found.isDirectory()) return await rmdir(target);
    if (found.size > 0) throw new Fault('precondition', `${target} is a file with content: it is left alone`);
    return await unlink(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code !== 'ENOTEMPTY' && code !== 'EBUSY') throw error;
    throw new Fault('unavailable', `${target} cannot be removed: it is ${code === 'EBUSY' ? 'in use' : 'not empty'}`, {
      cause: error,
    });
  }
}
