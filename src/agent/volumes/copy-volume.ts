import { randomUUID } from 'node:crypto';
import { bytes, formatBytes, type Bytes } from '../../model/bytes.ts';
import { Fault, textOf } from '../../model/fault.ts';
import { FILESYSTEMS, type FilesystemType } from '../../model/filesystem-type.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Clock } from '../../wait/clock.ts';
import type { Copier } from '../../copy/copier.ts';
import type { Disks } from '../../disk/disks.ts';
import { probeGiven, type Content, type Filesystems } from '../../mount/filesystem.ts';
import type { Mounts } from '../../mount/mounts.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { planCopy, type CopyEnd, type CopyPlan } from './plan-copy.ts';
import { planLvmVolume } from './plan-volume.ts';
import { usersOfVolume } from './user-of-volume.ts';
import type { VolumeDeps } from './volume-deps.ts';
import type { VolumeStep } from './volume-step.ts';
import type { VolumeProblem, VolumeWriter } from './write-volume.ts';

export interface CopyVolumeDeps extends Pick<VolumeDeps, 'lvm' | 'locks' | 'record' | 'log' | 'onChange'> {
  readonly disks: Pick<Disks, 'mapperUuid'>;
  readonly mounts: Pick<Mounts, 'list' | 'shows'>;
  readonly filesystems: Pick<Filesystems, 'probe' | 'sectorOf' | 'settleCopy' | 'giveUuid'>;
  readonly write: Pick<VolumeWriter, 'copying' | 'problem' | 'ready' | 'markFormatted'>;
  readonly copier: Copier;
  /** Another LocalVolume of this node. */
  readonly heard: (name: string) => LocalVolume | undefined;
  readonly clock: Clock;
}

/** Each write costs the API server one from every copy of every node. */
const TELL_MS = 5000;

/**
 * Fills a volume, whose logical volume is there, from its source, and makes it Ready when it is whole and its
 * filesystem has a UUID of its own. It takes no lock, so that nothing else of the group waits for it. May be cut at any
 * point and repeated: it goes on where it was told to be. Gives `waits` when
 * its source is still to come. Throws what the next try has to wait for, after it was told.
 */
export async function copyVolume(
  volume: LocalVolume,
  deps: CopyVolumeDeps,
  signal: AbortSignal,
): Promise<'waits' | void> {
  const { groups } = await deps.lvm.report(signal);
  const step = planLvmVolume(volume, groups);
  if (step.kind !== 'copy') return; // what it needs first is done by reconcileVolume
  const plan = planCopy(volume, step, groups, deps.heard);
  if (plan.kind === 'wait') {
    await deps.write.copying(volume, { reason: 'SourceMissing', message: plan.message }, signal);
    return 'waits';
  }
  try {
    await fill(volume, step, plan, deps, signal);
  } catch (error) {
    signal.throwIfAborted();
    const problem = problemOf(plan, error);
    const told = await deps.write.problem(volume, problem, signal);
    if (told) deps.record(subjectOf(LOCAL_VOLUMES, volume.metadata), { type: 'Warning', ...problem });
    throw error;
  }
}

type Ready = VolumeStep & { readonly kind: 'copy' };

async function fill(
  volume: LocalVolume,
  step: Ready,
  plan: Exclude<CopyPlan, { readonly kind: 'wait' }>,
  deps: CopyVolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  if (plan.kind === 'refuse') throw new Fault('precondition', plan.message);
  if (plan.kind === 'activate') {
    const { source } = plan;
    await deps.locks.run(source.vgName, () => deps.lvm.activateVolume(source, signal), signal);
    return void (await copyVolume(volume, deps, signal));
  }
  await assertUnused(volume, deps.mounts, signal);
  for (const end of [plan.source, plan.target]) await assertLeadsTo(end, deps.disks, signal);
  await assertSectors(volume, plan, deps.filesystems, signal);
  await copyAll(volume, step, plan, deps, signal);
  await giveOwnIdentity(volume, plan.target.device, deps, signal);
  await markFilled(volume, step, deps, signal);
  const { vgUuid: groupUuid, uuid: volumeUuid, sizeBytes, devicePath } = step;
  await deps.write.ready(volume, { sizeBytes, devicePath, groupUuid, volumeUuid, copiedBytes: plan.size }, signal);
  deps.onChange();
}

/** A path is only a name: what is read, and above all what is written, is the device that was meant. */
async function assertLeadsTo(
  { device, mapperUuid }: CopyEnd,
  disks: CopyVolumeDeps['disks'],
  signal: AbortSignal,
): Promise<void> {
  const found = await disks.mapperUuid(device, signal);
  if (found === undefined || found === mapperUuid) return;
  throw new Fault('unavailable', `${device} leads to ${found}, not to ${mapperUuid}: nothing is copied`);
}

/** Throws Fault `precondition` where the copy of a filesystem could never be mounted, before hours of copying. */
async function assertSectors(
  { spec: { fsType, vgName = '' } }: LocalVolume,
  { source, target }: CopyPlan & { readonly kind: 'copy' },
  filesystems: Pick<Filesystems, 'probe' | 'sectorOf'>,
  signal: AbortSignal,
): Promise<void> {
  const sector = fsType === undefined ? undefined : await filesystems.sectorOf(target.device, signal);
  if (sector === undefined) return;
  const content = await filesystems.probe(source.device, signal);
  if (content.kind !== 'filesystem' || content.blockSize === undefined || content.blockSize >= sector) return;
  const { type, blockSize } = content;
  throw new Fault(
    'precondition',
    `the ${type} on ${source.device} has blocks of ${blockSize} bytes, and the disks of volume group ${vgName} sectors of ` +
      `${sector}: no kernel mounts a copy of it there. Use a StorageClass whose group has disks like those of the source.`,
  );
}

/** A volume that a pod has was filled before, whatever its object says: that may be older than the volume. */
async function assertUnused(volume: LocalVolume, mounts: CopyVolumeDeps['mounts'], signal: AbortSignal): Promise<void> {
  const [user] = await usersOfVolume(volume, mounts, signal);
  if (!user) return;
  const at = `${volume.spec.vgName}/${volume.metadata.name} is mounted at ${user.target}`;
  throw new Fault('conflict', `Logical volume ${at}, and a pod may have written to it: nothing is copied onto it.`);
}

/** Before it is told, so that the logical volume says itself that it is whole: docs/decisions/0031. */
async function markFilled(
  { metadata: { name = '' }, spec: { vgName = '' } }: LocalVolume,
  { vgUuid, uuid }: Ready,
  { lvm, locks }: CopyVolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  await locks.run(vgName, () => lvm.markFilled({ vgName, vgUuid, name, uuid }, signal), signal);
}

async function copyAll(
  volume: LocalVolume,
  { vgUuid: groupUuid, uuid: volumeUuid }: Ready,
  { source, target, size, from }: CopyPlan & { readonly kind: 'copy' },
  { copier, write, clock, log }: CopyVolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  const tell = (done: Bytes): Promise<void> => {
    const message = `${formatBytes(done)} of ${formatBytes(size)} are copied from ${source.device}.`;
    const progress = Math.min(99, Math.floor((done / size) * 100)); // 100 is told with Ready
    return write.copying(
      volume,
      { reason: 'Copying', message, copiedBytes: done, progress, groupUuid, volumeUuid },
      signal,
    );
  };
  log.info(
    { volume: volume.metadata.name ?? '', device: source.device, action: `bytes from ${from} to ${size}` },
    'copying a volume',
  );
  await tell(from);
  let told = clock.now();
  const copied = async (done: Bytes): Promise<void> => {
    if (done < size && clock.now() - told < TELL_MS) return;
    await tell(done);
    told = clock.now();
  };
  await copier.copy({ source: source.device, target: target.device, size, from }, copied, signal);
}

/**
 * The bytes of a raw device are the pod's own and stay as they are. A filesystem is given a UUID, for which changing
 * cannot be cut and repeated: until it is done the copy counts as not begun.
 */
async function giveOwnIdentity(
  volume: LocalVolume,
  device: string,
  { filesystems, write }: CopyVolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  const { fsType } = volume.spec;
  if (fsType === undefined) return;
  const given = FILESYSTEMS.find((type) => type === fsType);
  const type = filesystemOf(await probeGiven(device, given, filesystems, signal));
  if (type === undefined) return; // its source was never formatted
  await filesystems.settleCopy(device, type, signal);
  const message = `The filesystem ${type} gets a UUID of its own.`;
  await write.copying(volume, { reason: 'Copying', message, copiedBytes: bytes(0), progress: 99 }, signal);
  const uuid = ownUuid(volume);
  await filesystems.giveUuid(device, { type, uuid }, signal);
  const now = await filesystems.probe(device, signal, type); // xfs_admin exits with 0 whether it did anything or not
  if (now.kind !== 'filesystem' || now.uuid !== uuid)
    throw new Fault('unavailable', `the filesystem on ${device} did not take the UUID ${uuid}`);
  await write.markFormatted(volume.metadata.name ?? '', type, signal);
}

/** One that was being made when the snapshot was taken has no files, and is made anew when the copy is staged. */
const filesystemOf = (content: Content): FilesystemType | undefined =>
  content.kind === 'filesystem' && !content.unfinished ? FILESYSTEMS.find((type) => type === content.type) : undefined;

/** The object's own is used by nothing else. */
const ownUuid = ({ metadata: { uid = '' } }: LocalVolume): string =>
  /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(uid) ? uid : randomUUID();

function problemOf(plan: CopyPlan, error: unknown): VolumeProblem {
  if (plan.kind === 'refuse') return plan;
  if (plan.kind === 'activate') return { reason: 'ActivationFailed', message: textOf(error) };
  if (error instanceof Fault && error.kind === 'conflict') return { reason: 'InUse', message: error.message };
  const isSource = error instanceof Fault && error.kind === 'precondition';
  return { reason: isSource ? 'SourceFailed' : 'CopyFailed', message: textOf(error) };
}
