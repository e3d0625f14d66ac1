import { Fault } from '../../model/fault.ts';
import { isReadOnly, mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import { assertAsAsked, assertWritable } from './as-asked.ts';
import type { InlineVolume } from './inline-volume.ts';
import type { Publish, Target } from './node-requests.ts';
import { requireVolume, type NodeVolume } from './node-volumes.ts';
import { podOfTarget, type PublishedLimits } from './published-limits.ts';
import { assertDevice } from './prepare-filesystem.ts';
import { assertShows, isStoppedAlone, stageOpen, stageVolume, wantedMount, type StageDeps } from './stage.ts';
import { makeFile, makeFolder, removeTarget } from './target.ts';

export interface PublishDeps extends StageDeps {
  readonly limits: PublishedLimits;
}

/** Binds a staged volume to a pod's path, as a folder or as a device file. May be repeated. */
export async function publishVolume(wanted: Publish, deps: PublishDeps, signal: AbortSignal): Promise<void> {
  const { id, targetPath, access } = wanted;
  const { mounts } = deps;
  const volume = await requireVolume(deps.volumes, id, signal);
  const entries = await mounts.list(signal);
  const isNew = !mountAt(entries, targetPath);
  const { source, readOnly } = await publishable(wanted, volume, entries, deps, signal).catch((error: unknown) =>
    mountedAnew(wanted, volume, { entries, error }, deps, signal),
  );
  // Others show the same snapshot, and nobody writes to it.
  if (isNew && access.singleWriter && !volume.isSnapshot)
    await assertUnpublished(wanted, volume, entries, mounts, signal);
  if (isNew) await (access.block ? makeFile(targetPath) : makeFolder(targetPath));
  await mounts.bind({ source, target: targetPath, readOnly, options: [] }, signal);
  try {
    await assertShows(id, { target: targetPath, source: volume.source }, mounts, signal);
  } catch (error) {
    if (isNew) await unpublishVolume(targetPath, deps, signal); // what another call mounted is not taken away
    throw error;
  }
  await deps.limits.apply(volume, wanted.pod, signal);
}

/**
 * What is bound for a pod: the device, or the folder at which it is staged. Throws Fault when that is not there or is
 * not as asked.
 */
async function publishable(
  { id, stagingPath, targetPath, access }: Publish,
  volume: NodeVolume,
  entries: readonly MountEntry[],
  { mounts, filesystems }: PublishDeps,
  signal: AbortSignal,
): Promise<{ readonly source: string; readonly readOnly: boolean }> {
  if (access.block) {
    if (volume.kind === 'MountPoint')
      throw new Fault('invalid', `volume ${id} is a mounted filesystem and cannot be had as a block device`);
    await assertOpen(volume, filesystems, signal);
    await assertDevice(volume, filesystems, signal);
    if (volume.isSnapshot) await filesystems.forbidWrites(volume.source, signal); // as when it is staged
    return { source: volume.source, readOnly: access.readOnly || volume.isSnapshot === true };
  }
  const asked = wantedMount(volume, access);
  const staged = mountAt(entries, stagingPath);
  if (!staged) throw notStaged(id, `is not mounted at ${stagingPath}`);
  if (volume.kind !== 'MountPoint') await assertDevice(volume, filesystems, signal);
  await assertShows(id, { target: stagingPath, source: volume.source }, mounts, signal);
  const own = mountAt(entries, volume.source)?.options; // of a MountPoint volume: nothing is mounted at a device's path
  const { readOnly, ...how } = asked;
  const kind = mountAt(entries, targetPath) ? 'conflict' : 'precondition';
  assertAsAsked(id, staged, { ...how, options: [...(own ?? []), ...how.options] }, kind);
  if (!readOnly) assertWritable(id, staged);
  await filesystems.assertAlive(stagingPath, signal);
  return { source: stagingPath, readOnly };
}

/**
 * What is bound for a pod once its volume was mounted anew at the staging path, which its kernel has stopped and nobody
 * else has. Throws the `error` of before for any other.
 */
async function mountedAnew(
  wanted: Publish,
  volume: NodeVolume,
  { entries, error }: { readonly entries: readonly MountEntry[]; readonly error: unknown },
  deps: PublishDeps,
  signal: AbortSignal,
): ReturnType<typeof publishable> {
  const { stagingPath, access } = wanted;
  const staged = mountAt(entries, stagingPath);
  const mayBeStopped = error instanceof Fault && error.kind === 'precondition' && volume.kind !== 'MountPoint';
  if (!staged || access.block || !mayBeStopped) throw error;
  const isOwn = await deps.mounts.shows(staged, volume.source, signal);
  if (!isOwn || !(await isStoppedAlone(volume, staged, deps, signal))) throw error;
  await stageOpen({ stagingPath, access: { ...access, readOnly: isReadOnly(staged) } }, volume, deps, signal);
  return publishable(wanted, volume, await deps.mounts.list(signal), deps, signal);
}

/** Throws Fault `precondition` for an encrypted volume that is closed: only NodeStageVolume brings its key. */
async function assertOpen(
  { id, source, encryption }: NodeVolume,
  filesystems: PublishDeps['filesystems'],
  signal: AbortSignal,
): Promise<void> {
  if (encryption && (await filesystems.sizeOf(source, signal)) === undefined)
    throw notStaged(id, 'is encrypted, and not open');
}

/** After a boot, kubelets may believe of a volume that it is staged, above all of a raw device (longhorn#8009). */
const notStaged = (id: string, what: string): Fault =>
  new Fault(
    'precondition',
    `volume ${id} ${what}: NodeStageVolume comes first. If the kubelet does not call it, delete the pod: for the next ` +
      'one it does',
  );

/**
 * Makes an inline volume and mounts it at the pod's path, since the kubelet does not stage inline volumes. May be
 * repeated.
 */
export async function publishInline(
  inline: InlineVolume,
  { id, targetPath, access, pod }: Target,
  deps: PublishDeps,
  signal: AbortSignal,
): Promise<void> {
  await deps.volumes.makeInline(inline, signal);
  await stageVolume({ id, stagingPath: targetPath, access, secrets: {} }, deps, signal);
  await deps.limits.apply(await requireVolume(deps.volumes, id, signal), pod, signal);
}

/**
 * Throws Fault `precondition` when a volume for a single writer is published for another pod. The kubelet mounts a
 * volume at more paths than it publishes it at (subPath: `.`, raw devices), and a MountPoint volume has its own: those
 * are no publications. What its own pod has at another path is none either: a kubelet whose root folder is bound at two
 * paths shows each publication twice, and one that was moved publishes anew for pods that run.
 */
async function assertUnpublished(
  { id, stagingPath, targetPath }: Publish,
  { source }: NodeVolume,
  entries: readonly MountEntry[],
  mounts: PublishDeps['mounts'],
  signal: AbortSignal,
): Promise<void> {
  const pod = podOfTarget(targetPath);
  for (const entry of entries) {
    const { target } = entry;
    if (target === stagingPath || target === source) continue;
    const holder = podOfTarget(target);
    if (pod !== undefined && (holder === undefined || holder === pod)) continue;
    if (!(await mounts.shows(entry, source, signal))) continue;
    const who = holder === undefined ? 'who has it there' : `the pod ${holder}`;
    throw new Fault(
      'precondition',
      `volume ${id} is for a single writer and published at ${target} already: end ${who}; if that is gone, start the ` +
        'kubelet again, which unmounts what it left, or unmount it',
    );
  }
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
