import { LUKS_HEADER } from '../../model/encryption.ts';
import { bytes, type Bytes } from '../../model/bytes.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { present } from '../../model/present.ts';
import type { Seen, VolumeRef } from '../../lvm/lvm.ts';
import { mapperUuidOf, volumeDevicePath } from '../../lvm/names.ts';
import { holdersOf, releaseAdvice, seekAdvice } from '../../disk/release-advice.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { AS_IT_IS, type SpanStart } from '../../trace/tracer.ts';
import { assertSectors } from './assert-sectors.ts';
import { closeLeft, destroyKeys } from './destroy-keys.ts';
import { leadsElsewhere } from './leads-elsewhere.ts';
import type { Erasure, VolumeStep } from './plan-volume.ts';
import { problemOf, type Deed } from './step-problem.ts';
import type { Member, VolumeDeps } from './volume-deps.ts';

/** Does it. Resolves to whether the volume is gone for certain by it. What goes wrong is told, and thrown. */
export function attempt(
  volume: LocalVolume,
  step: Deed,
  deps: VolumeDeps,
  signal: AbortSignal,
  seen?: Seen,
): Promise<boolean> {
  return deps.tracer.within(spanOf(volume, step), async () => {
    try {
      return await act(volume, step, deps, signal, seen);
    } catch (error) {
      await tellProblem(volume, step, { deps, error }, signal);
      throw error;
    }
  });
}

const spanOf = (volume: LocalVolume, step: Deed): SpanStart => ({
  name: `volume ${step.kind}`,
  attributes: { vg: volume.spec.vgName, volume: volume.metadata.name, size: volume.spec.sizeBytes },
});

async function tellProblem(
  volume: LocalVolume,
  step: Deed,
  { deps, error }: { readonly deps: VolumeDeps; readonly error: unknown },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { reason, message } = problemOf(step, error);
  const advice = isBusy(step, error) ? await adviceOnUse(volume, step, deps.disks, signal) : undefined;
  const problem = { reason, message: advice === undefined ? message : `${message} ${advice}` };
  const told = await deps.write.problem(volume, problem, signal);
  if (told) deps.record(subjectOf(LOCAL_VOLUMES, volume.metadata), { type: 'Warning', ...problem });
}

/** What is to be removed is in use, and its tool does not say by what. */
const isBusy = ({ kind }: Deed, error: unknown): boolean =>
  ['remove', 'erase', 'wipe'].includes(kind) && error instanceof Fault && error.kind === 'precondition';

/** Who may have a volume's device: a sentence; undefined where the device is not seen. */
async function adviceOnUse(
  { spec, status }: LocalVolume,
  step: Deed,
  disks: Pick<VolumeDeps['disks'], 'list'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const devices = await disks.list(signal).catch(() => []);
  const { groupUuid, volumeUuid } = status ?? {};
  const uuid = groupUuid && volumeUuid && mapperUuidOf(groupUuid, volumeUuid);
  const found = devices.find(({ path, mapperUuid }) =>
    spec.kind === 'LVM' ? mapperUuid !== undefined && mapperUuid === uuid : step.kind === 'wipe' && path === step.path,
  );
  const holders = found ? holdersOf(found, devices) : [];
  return holders.length > 0 ? releaseAdvice(holders) : found && seekAdvice(found);
}

export type Creation = VolumeStep & { readonly kind: 'create' };

type Wanted = Pick<Member, 'volume' | 'deps' | 'inside'> & { readonly step: Creation };

/** Makes logical volumes of one group. Each has its own outcome; what goes wrong with it is told. */
export async function createAll(
  wanted: readonly Wanted[],
  seen: Seen | undefined,
  signal: AbortSignal,
): Promise<readonly PromiseSettledResult<void>[]> {
  const [first] = wanted;
  if (!first) return [];
  for (const { volume, deps, step } of wanted) logStep(volume, step, deps);
  const results = await createSpanned(wanted, first.deps.lvm, seen, signal);
  const told = wanted.map(async ({ volume, deps, step }, at): Promise<void> => {
    const result = results[at];
    if (result?.status !== 'rejected') return;
    await tellProblem(volume, step, { deps, error: result.reason }, signal);
    throw result.reason;
  });
  return Promise.allSettled(told);
}

/** Each as a span of its own trace; a command for all of them is told with the first. */
async function createSpanned(
  wanted: readonly Wanted[],
  lvm: VolumeDeps['lvm'],
  seen: Seen | undefined,
  signal: AbortSignal,
): Promise<readonly PromiseSettledResult<void>[]> {
  const all = wanted.map(({ volume, deps, step, inside }) => {
    const span = inside(() => deps.tracer.begin(spanOf(volume, step)));
    return { span, wish: { ...targetOf(volume, step), ...step, inside: span.inside } };
  });
  const volumes = all.map(({ wish }) => wish);
  try {
    const results = await (all[0]?.span.inside ?? AS_IT_IS)(() => lvm.createVolumes(volumes, signal, seen));
    for (const [at, result] of results.entries())
      if (result.status === 'rejected') all[at]?.span.fail(textOf(result.reason));
    return results;
  } finally {
    for (const { span } of all) span.end();
  }
}

const logStep = (volume: LocalVolume, step: Deed, { log }: VolumeDeps): void => {
  const { vgName, name } = targetOf(volume, step);
  log.info({ vg: vgName, volume: name, action: step.kind }, 'changing a volume');
};

async function act(
  volume: LocalVolume,
  step: Deed,
  deps: VolumeDeps,
  signal: AbortSignal,
  seen: Seen | undefined,
): Promise<boolean> {
  const { lvm } = deps;
  if (step.kind === 'refuse') throw new Fault('precondition', step.message);
  const target = targetOf(volume, step);
  logStep(volume, step, deps);
  if (step.kind === 'adopt') await lvm.adoptVolume(target, signal);
  await actOnSnapshot(target, step, deps, signal);
  if (step.kind === 'extend') {
    await assertSectors(volume, target, { seen, filesystems: deps.filesystems }, signal);
    await extend({ ...target, sizeBytes: bytes(step.sizeBytes) }, deps, signal, seen);
  }
  if (step.kind === 'activate') await lvm.activateVolume(target, signal, seen);
  if (step.kind === 'refresh') await lvm.refreshVolume(target, signal, seen);
  if (step.kind === 'unstage') await unstage(step.targets, deps, signal);
  if (step.kind === 'erase') await erase(volume, { target, ...step }, deps, signal);
  if (step.kind === 'remove') return lvm.removeVolume(target, signal, seen);
  if (step.kind !== 'wipe') return false;
  await wipe(step, deps, signal);
  return true;
}

/** lvextend is told a name only. The kernel says at once whose that is, where the volume is active. */
async function extend(
  target: VolumeRef & { readonly sizeBytes: Bytes },
  { lvm, disks }: VolumeDeps,
  signal: AbortSignal,
  seen: Seen | undefined,
): Promise<void> {
  await assertLeadsTo(target, volumeDevicePath(target.vgName, target.name), { disks, todo: 'grown' }, signal);
  await lvm.extendVolume(target, signal, seen);
}

/** Throws Fault `precondition` when the path of a volume's device leads to another one. */
async function assertLeadsTo(
  volume: VolumeRef,
  path: string,
  { disks, todo }: Pick<VolumeDeps, 'disks'> & { readonly todo: string },
  signal: AbortSignal,
): Promise<void> {
  const other = await leadsElsewhere(path, volume, disks, signal);
  if (!other) return;
  throw new Fault(
    'precondition',
    `${path} leads to ${other.found}, which is another logical volume: it is not ${todo}`,
  );
}

async function actOnSnapshot(target: VolumeRef, step: Deed, { lvm }: VolumeDeps, signal: AbortSignal): Promise<void> {
  if (step.kind === 'take') await lvm.createSnapshot({ ...target, ...step }, signal);
  if (step.kind === 'together') await lvm.createSnapshots(step.snapshots, signal);
  if (step.kind === 'finish') await lvm.finishSnapshot(target, signal);
  if (step.kind === 'split') await lvm.splitSnapshot(target, signal);
}

const targetOf = ({ spec, metadata }: LocalVolume, step: Deed): VolumeRef => ({
  vgName: spec.vgName ?? '',
  name: metadata.name ?? '',
  ...present({ vgUuid: 'vgUuid' in step ? step.vgUuid : undefined, uuid: 'uuid' in step ? step.uuid : undefined }),
});

async function erase(
  volume: LocalVolume,
  { target, first, path, size }: Erasure & { readonly target: VolumeRef },
  { lvm, disks, crypt, others }: VolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  if (first === 'activate') await lvm.activateVolume(target, signal);
  if (first === 'refresh') await lvm.refreshVolume(target, signal);
  await assertLeadsTo(target, path, { disks, todo: 'erased' }, signal);
  await closeLeft(volume, crypt, signal);
  const isUnreadable = await destroyKeys(volume, path, { crypt, others }, signal);
  await disks.erase({ path, size, ...(isUnreadable ? { head: LUKS_HEADER } : {}) }, signal);
}

/** As NodeUnstageVolume. What is encrypted is closed before it is erased. */
async function unstage(
  targets: readonly string[],
  { mounts, filesystems }: Pick<VolumeDeps, 'mounts' | 'filesystems'>,
  signal: AbortSignal,
): Promise<void> {
  for (const target of targets) {
    await filesystems.thaw(target, signal);
    await mounts.unmount(target, signal);
  }
}

/** The data of a whole disk or filesystem. */
async function wipe(
  { path, filesystem }: VolumeStep & { readonly kind: 'wipe' },
  { disks, filesystems }: VolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  if (filesystem !== undefined) return filesystems.clear({ target: path, identity: filesystem }, signal);
  const device = (await disks.list(signal)).find((candidate) => candidate.path === path);
  if (!device) throw new Fault('unavailable', `${path} is not there any more`);
  return disks.wipe(device, signal);
}
