import { MIB, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { filesystemType, type FilesystemType } from '../../model/filesystem-type.ts';
import { keptMountOptions, parseMountOptions } from '../../model/mount-options.ts';
import { canGrow, neededOptions } from '../../mount/filesystem.ts';
import { mountAt, stateAfterErrors, type MountEntry } from '../../mount/mountinfo.ts';
import { assertSame, type Mounts } from '../../mount/mounts.ts';
import { assertAsAsked, assertLabelled, assertWritable, type Wanted } from './as-asked.ts';
import type { Access, Stage } from './node-requests.ts';
import { requireVolume, type NodeVolume } from './node-volumes.ts';
import type { OwnWork } from './own-work.ts';
import { podOfTarget } from './published-limits.ts';
import { assertDevice, prepareFilesystem, type PrepareDeps } from './prepare-filesystem.ts';
import { snapshotFilesystem } from './snapshot-filesystem.ts';
import { lockVolume, unlockVolume, type UnlockDeps } from './unlock.ts';
import { makeFolder } from './target.ts';

export interface StageDeps extends PrepareDeps, Pick<UnlockDeps, 'crypt'> {
  /** By volume. */
  readonly ownWork: OwnWork;
}

/**
 * Mounts a volume's filesystem at the staging path, after unlockVolume and prepareFilesystem. May be repeated; throws
 * Fault `conflict` when it is mounted there otherwise than asked.
 */
export async function stageVolume(
  { id, stagingPath, access, secrets }: Stage,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  await unlockVolume({ id, secrets, block: access.block }, deps, signal);
  const volume = await requireVolume(deps.volumes, id, signal);
  await stageOpen({ stagingPath, access }, volume, deps, signal);
}

/** As stageVolume, of a volume that is open where it is encrypted. */
export async function stageOpen(
  { stagingPath, access }: Pick<Stage, 'stagingPath' | 'access'>,
  volume: NodeVolume,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  const { id } = volume;
  const found = mountAt(await deps.mounts.list(signal), stagingPath);
  if (access.block) {
    if (found) throw new Fault('conflict', `volume ${id}: ${found.fsType} is mounted at ${stagingPath}, not a device`);
    await assertDevice(volume, deps.filesystems, signal);
    return volume.isSnapshot ? deps.filesystems.forbidWrites(volume.source, signal) : undefined;
  }
  const asked = wantedMount(volume, access);
  if (volume.kind === 'MountPoint') return stageMountPoint(volume, stagingPath, asked, deps, signal);

  return stageFilesystem(volume, { found, stagingPath, asked, mkfsOptions: access.mkfsOptions }, deps, signal);
}

interface StagedFilesystem {
  /** What is mounted there already. */
  readonly found: MountEntry | undefined;
  readonly stagingPath: string;
  readonly asked: Wanted;
  readonly mkfsOptions: string;
}

async function stageFilesystem(
  volume: NodeVolume,
  { found, stagingPath: target, asked, mkfsOptions }: StagedFilesystem,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  const { id, source } = volume;
  const { mounts, filesystems } = deps;
  const isStaged = found !== undefined && (await servesAsAsked(volume, found, asked, deps, signal));
  if (!found) await makeFolder(target);
  const { readOnly } = asked;
  const wanted = { id, fsType: asked.fsType, readOnly, mkfsOptions };
  const { fsType, size } = volume.isSnapshot
    ? { fsType: await snapshotFilesystem(volume, asked.fsType, filesystems, signal), size: undefined }
    : await deps.ownWork.run(id, (own) => prepareFilesystem(wanted, deps, own), signal);
  const options = [...new Set([...asked.options, ...neededOptions(fsType), ...(readOnly ? ['ro'] : [])])];
  await mounts.mount({ source, target, fsType, options }, signal);
  if (!isStaged) await assertMounted(id, { target, source }, asked, deps, signal);
  // Where a mount namespace that is not seen here has it still, it is stopped as before.
  if (found && !isStaged) await filesystems.assertAlive(target, signal);
  if (!readOnly) await growToDevice(volume, { target, fsType, size }, deps, signal);
}

/**
 * Whether a volume that is mounted at its staging path stays so. One that its kernel has stopped, and that nobody else
 * has, is unmounted, to be checked and mounted anew: a kubelet whose next pod is there already never asks for that.
 * Throws Fault when it is otherwise than asked.
 */
async function servesAsAsked(
  volume: NodeVolume,
  found: MountEntry,
  asked: Wanted,
  deps: StageDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { id, source } = volume;
  const { mounts, filesystems } = deps;
  await assertDevice(volume, filesystems, signal);
  assertSame(found, await mounts.shows(found, source, signal));
  if (await isStoppedAlone(volume, found, deps, signal)) {
    await mounts.unmount(found.target, signal);
    return false;
  }
  assertAsAsked(id, found, asked, 'conflict');
  if (!asked.readOnly) assertWritable(id, found);
  await filesystems.assertAlive(found.target, signal);
  return true;
}

/** Whether the kernel has stopped a mounted filesystem after errors, and no pod has it. */
export async function isStoppedAlone(
  { source, isSnapshot }: NodeVolume,
  found: MountEntry,
  { mounts, filesystems }: Pick<StageDeps, 'mounts' | 'filesystems'>,
  signal: AbortSignal,
): Promise<boolean> {
  const isPods = podOfTarget(found.target) !== undefined; // of an inline volume
  if (isSnapshot || isPods || !(await hasStopped(found, filesystems, signal))) return false;
  for (const entry of await mounts.list(signal))
    if (entry.target !== found.target && (await mounts.shows(entry, source, signal))) return false;
  return true;
}

async function hasStopped(
  found: MountEntry,
  filesystems: Pick<StageDeps['filesystems'], 'assertAlive'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (stateAfterErrors(found) !== undefined) return true;
  try {
    await filesystems.assertAlive(found.target, signal);
    return false;
  } catch (error) {
    if (error instanceof Fault && error.kind === 'precondition') return true;
    throw error;
  }
}

/** LVM's usual extent: no volume grew by less. */
const LEAST_GROWTH = 4 * MIB;

/**
 * Grows a filesystem that is smaller than its device, where nobody calls NodeExpandVolume: that of a copy, which is as
 * large as its source's at first, and one whose claim went before the kubelet had grown it (kubernetes#88683). What
 * cannot be grown is mounted as it is, but for a copy, whose claim was larger from the start.
 */
async function growToDevice(
  { id, kind, source: device, isCopy }: NodeVolume,
  { size, ...mounted }: { readonly target: string; readonly fsType: string; readonly size: Bytes | undefined },
  { ownWork, filesystems }: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  if (!isCopy && (size === undefined || kind !== 'LVM')) return;
  const whole = await filesystems.sizeOf(device, signal);
  if (whole === undefined || !canGrow(mounted.fsType, whole)) return;
  if (!isCopy && whole - (size ?? whole) < LEAST_GROWTH) return;
  const growing = ownWork.run(id, (own) => filesystems.grow({ device, ...mounted }, own), signal);
  await growing.catch((error: unknown) => {
    if (isCopy || !(error instanceof Fault)) throw error;
  });
}

/**
 * How a volume is to be mounted, by the call and by its class. Throws Fault `invalid` for a filesystem or an option
 * that it cannot have.
 */
export function wantedMount(volume: NodeVolume, { fsType, mountFlags, readOnly }: Access): Wanted {
  const { isSnapshot = false, isAdopted = false } = volume;
  const known = filesystemOf(volume, fsType);
  const mounted = volume.kind === 'MountPoint' || known === '' ? 'MountPoint' : known;
  const parsed = (isAdopted ? keptMountOptions : parseMountOptions)(mountFlags, mounted);
  return { mounted, fsType: known, options: parsed.options, readOnly: readOnly || parsed.readOnly || isSnapshot };
}

/** Empty: whatever is there. open-local mounts a mount point so, whatever filesystem its class names. */
function filesystemOf({ kind, fsType: own, isSnapshot, isAdopted }: NodeVolume, asked: string): FilesystemType | '' {
  const isMounted = kind === 'MountPoint';
  if (isMounted && isAdopted) return '';
  const type = asked === '' ? own : asked;
  return (isMounted || isSnapshot) && type === '' ? '' : filesystemType(type);
}

/**
 * Looks at a new mount, and takes it down unless it is as asked: a filesystem that is mounted in another mount
 * namespace keeps the options that it has there. One that was frozen when its last mount went is frozen still.
 */
async function assertMounted(
  id: string,
  { target, source }: { readonly target: string; readonly source: string },
  asked: Wanted,
  { mounts, filesystems }: Pick<StageDeps, 'mounts' | 'filesystems'>,
  signal: AbortSignal,
): Promise<void> {
  const entry = mountAt(await mounts.list(signal), target);
  const isOwn = entry !== undefined && (await mounts.shows(entry, source, signal));
  if (!entry || !isOwn) throw new Fault('unavailable', `volume ${id}: mounted at ${target}, and not to be seen there`);
  try {
    await assertSeenOutside(id, entry, mounts, signal);
    assertLabelled(id, entry, asked.options);
    assertAsAsked(id, entry, asked, 'precondition');
  } catch (error) {
    await mounts.unmount(target, signal);
    throw error;
  }
  if (!asked.readOnly) await filesystems.thaw(target, signal);
}

/** Unmounts a volume from the staging path, and closes one that is encrypted. May be repeated. */
export async function unstageVolume(
  { id, path }: { readonly id: string; readonly path: string },
  deps: Pick<StageDeps, 'crypt' | 'mounts' | 'filesystems'>,
  signal: AbortSignal,
): Promise<void> {
  await thawAt(path, deps, signal);
  await deps.mounts.unmount(path, signal);
  await lockVolume(id, deps, signal);
}

/** Before the last mount of a filesystem goes: whoever froze it is gone, and nobody could let it go on any more. */
export async function thawAt(
  path: string,
  { mounts, filesystems }: Pick<StageDeps, 'mounts' | 'filesystems'>,
  signal: AbortSignal,
): Promise<void> {
  if (mountAt(await mounts.list(signal), path)) await filesystems.thaw(path, signal);
}

/**
 * Binds a mounted filesystem, and looks again afterwards: if it was unmounted after it was looked for, what was bound
 * is the folder below it, on the node's own disk.
 */
async function stageMountPoint(
  { id, source }: NodeVolume,
  target: string,
  asked: Wanted,
  { volumes, mounts }: StageDeps,
  signal: AbortSignal,
): Promise<void> {
  const entries = await mounts.list(signal);
  const [own, found] = [mountAt(entries, source), mountAt(entries, target)];
  const { options, readOnly } = asked;
  if (own) assertMountPoint(id, own, asked);
  await makeFolder(target);
  await mounts.bind({ source, target, readOnly, options }, signal);
  try {
    await requireVolume(volumes, id, signal);
    await assertShows(id, { target, source }, mounts, signal);
  } catch (error) {
    if (!found) await mounts.unmount(target, signal);
    throw error;
  }
  if (found) assertAsAsked(id, found, { ...asked, options: [...(own?.options ?? []), ...options] }, 'conflict');
}

/** Throws Fault `precondition` when a mounted filesystem is not of the type asked for, or cannot be written to. */
function assertMountPoint(id: string, own: MountEntry, { fsType, readOnly }: Wanted): void {
  if (fsType !== '' && own.fsType !== fsType)
    throw new Fault(
      'precondition',
      `volume ${id}: ${own.fsType} is mounted at ${own.target}, not the ${fsType} that its StorageClass asks for: ` +
        'use a class with the right csi.storage.k8s.io/fstype, or without one',
    );
  if (!readOnly) assertWritable(id, own);
}

/**
 * Throws Fault `unavailable` unless a volume's device, or the folder it is mounted at, is seen at the target, and
 * `precondition` when it is seen by the agent's container alone.
 */
export async function assertShows(
  id: string,
  { target, source }: { readonly target: string; readonly source: string },
  mounts: Mounts,
  signal: AbortSignal,
): Promise<void> {
  const entry = mountAt(await mounts.list(signal), target);
  if (entry && (await mounts.shows(entry, source, signal))) return assertSeenOutside(id, entry, mounts, signal);
  const what = entry ? `${entry.source} is` : 'nothing is';
  throw new Fault('unavailable', `volume ${id}: ${what} mounted at ${target}, not ${source}`);
}

/** What pods write would be on the node's own disk, and gone with them. */
async function assertSeenOutside(
  id: string,
  entry: MountEntry,
  mounts: Pick<Mounts, 'isSeenOutside'>,
  signal: AbortSignal,
): Promise<void> {
  if (await mounts.isSeenOutside(entry, signal)) return;
  throw new Fault(
    'precondition',
    `volume ${id}: what is mounted at ${entry.target} is seen in the agent's own container alone, so that a pod would ` +
      "get the empty folder below it. The agent's pod needs mountPropagation: Bidirectional on a folder above that, and " +
      `that folder must be shared on the node: findmnt -o TARGET,PROPAGATION --target ${entry.target}`,
  );
}
