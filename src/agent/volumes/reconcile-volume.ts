import { LUKS_HEADER } from '../../model/encryption.ts';
import { present } from '../../model/present.ts';
import { bytes } from '../../model/bytes.ts';
import { isCopy } from '../../model/copies.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { VOLUME_REASONS } from '../../model/volume-reasons.ts';
import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { Log } from '../../model/log.ts';
import type { Crypt } from '../../crypt/crypt.ts';
import { mappingPathOf } from '../../crypt/names.ts';
import type { Disks } from '../../disk/disks.ts';
import { isGrown } from '../../disk/identity.ts';
import { useOf } from '../../disk/inspect.ts';
import type { Lvm, VolumeRef } from '../../lvm/lvm.ts';
import type { Filesystems } from '../../mount/filesystem.ts';
import { mapperUuidOf, volumeDevicePath } from '../../lvm/names.ts';
import type { Mounts } from '../../mount/mounts.ts';
import { factsOf } from '../storage/device-facts.ts';
import type { RecordEvent } from '../events/record-event.ts';
import type { Observation } from '../storage/observe.ts';
import { closeLeft, destroyKeys } from './destroy-keys.ts';
import { planDeviceVolume, planMountPointVolume } from './plan-unit.ts';
import { partnersOf } from './plan-group-snapshot.ts';
import { fillOf } from './watch-fill.ts';
import { hasBeenReady, planLvmVolume, type Erasure, type VolumeStep } from './plan-volume.ts';
import { problemOf, type Deed } from './step-problem.ts';
import { findFilesystem, findRecorded, identityAt, recordedDisk, recordedFilesystem } from './unit-disk.ts';
import { otherOwner } from './unit-owner.ts';
import { brokenRecord } from './volume-rules.ts';
import type { OnBroken, VolumeWriter } from './write-volume.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';

export interface VolumeDeps {
  readonly lvm: Lvm;
  readonly disks: Pick<Disks, 'list' | 'resolve' | 'probe' | 'wipe' | 'erase' | 'mapperUuid'>;
  readonly filesystems: Pick<Filesystems, 'entries' | 'clear'>;
  readonly crypt: Pick<Crypt, 'mapping' | 'close' | 'header' | 'erase'>;
  readonly mounts: Pick<Mounts, 'list' | 'shows'>;
  readonly observe: (signal: AbortSignal) => Promise<Observation>;
  readonly write: VolumeWriter;
  /** Keyed by group or path. */
  readonly locks: KeyedMutex;
  /** The node's LocalVolumes by name. */
  readonly others: ReadonlyMap<string, LocalVolume>;
  readonly record: RecordEvent;
  readonly log: Log;
  readonly onBroken: OnBroken;
  /** Called when something was made, grown or removed: the node's storage is to be reported. */
  readonly onChange: () => void;
  /** Begins to fill a volume from another one, or goes on: copy-volume.ts. */
  readonly fillLater: (volume: LocalVolume, signal: AbortSignal) => Promise<void>;
}

/**
 * Planning looks at what is there, so that each change is seen to have worked; this many changes one after another are
 * a bug.
 */
const MAX_STEPS = 4;

/**
 * Makes one volume as it is asked for, and tells in its status. May be cut at any point and repeated. Throws what the
 * next try has to wait for, after it was told.
 */
export async function reconcileVolume(volume: LocalVolume, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  const broken = brokenRecord(volume);
  if (broken !== undefined) deps.onBroken(volume, broken);
  const place = volume.spec.vgName ?? volume.spec.path ?? '';
  if (volume.spec.kind === 'LVM' && volume.metadata.deletionTimestamp !== undefined) {
    await deps.locks.run(place, () => splitLeaving(volume, deps, signal), signal);
    await eraseLeaving(volume, deps, signal);
  }
  await deps.locks.runAll(placesOf(volume, place, deps.others), () => settle(volume, deps, signal), signal);
}

/** Of a group snapshot, the groups of all its parts: whichever of them takes it changes all. */
const placesOf = (volume: LocalVolume, place: string, others: VolumeDeps['others']): readonly string[] => [
  place,
  ...partnersOf(volume, others).flatMap(({ spec }) => spec.vgName ?? []),
];

/** Of a snapshot that is to be removed, what is erased is its store. */
async function splitLeaving(volume: LocalVolume, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  const step = await plan(volume, deps, signal);
  if (step.kind === 'split') await attempt(volume, step, deps, signal);
}

/** Outside of the group's lock: it may take hours, and touches nothing but the volume. Cut, it begins again. */
async function eraseLeaving(volume: LocalVolume, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  const step = await plan(volume, deps, signal);
  if (step.kind !== 'remove' || !step.erase) return;
  const { vgUuid, uuid, erase } = step;
  await attempt(volume, { kind: 'erase', vgUuid, ...(uuid === undefined ? {} : { uuid }), ...erase }, deps, signal);
}

async function settle(volume: LocalVolume, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  let last: VolumeStep['kind'] | undefined;
  for (let turn = 0; turn < MAX_STEPS; turn += 1) {
    const planned = await plan(volume, deps, signal);
    const step = planned.kind === 'activate' && last === 'activate' ? neverStarts(volume) : planned;
    last = step.kind;
    if (step.kind === 'ready') return tellReady(volume, step, deps, signal);
    if (step.kind === 'gone') return deps.write.release(volume, signal);
    if (step.kind === 'wait') return tellWaiting(volume, step, deps, signal);
    if (step.kind === 'later') return deps.write.pending(volume, step.message, signal);
    if (step.kind === 'copy') return deps.fillLater(volume, signal);
    if (step.kind === 'create' && isCopy(volume)) await forgetCopy(volume, deps, signal);
    await attempt(volume, step, deps, signal);
    deps.onChange();
    if (step.kind === 'wipe') return deps.write.release(volume, signal);
  }
  throw new Error(`volume ${volume.metadata.name} is not settled after ${MAX_STEPS} changes`);
}

/** lvm says that all is well, and starts nothing that lvm.conf leaves out. */
const neverStarts = ({ spec, metadata }: LocalVolume): VolumeStep => ({
  kind: 'refuse',
  reason: 'ActivationFailed',
  message: `Logical volume ${spec.vgName}/${metadata.name} was started and is not active: see volume_list in lvm.conf, and what dmesg says.`,
});

/** What was copied went with the logical volume that it was copied onto. */
async function forgetCopy(volume: LocalVolume, { write }: VolumeDeps, signal: AbortSignal): Promise<void> {
  if (volume.status?.volumeUuid === undefined) return;
  await write.copyLost(volume, signal);
  throw new Fault('unavailable', `the logical volume of ${volume.metadata.name} is gone: it is copied anew`);
}

async function plan(volume: LocalVolume, deps: VolumeDeps, signal: AbortSignal): Promise<VolumeStep> {
  const { kind, role, source } = volume.spec;
  if (kind === 'LVM') {
    const { groups } = await deps.lvm.report(signal);
    const step = planLvmVolume(volume, groups, deps.others);
    const isLeaving = step.kind === 'remove' || step.kind === 'split';
    return isLeaving ? unlessMounted(step, volume, deps.mounts, signal) : step;
  }
  if (role === 'Snapshot' || source) return refuseUnsupported(volume, 'Snapshots and copies are of LVM volumes only.');
  return planUnit(volume, await deps.observe(signal), deps, signal);
}

/** A disk is known by what it tells of itself where it was recorded, and else by its path. */
async function planUnit(
  volume: LocalVolume,
  observation: Observation,
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<VolumeStep> {
  const { kind, path = '' } = volume.spec;
  const isRecorded = recordedDisk(volume) !== undefined;
  if (kind === 'MountPoint') {
    const mountPoint = findFilesystem(volume, observation);
    const entries = mountPoint ? await deps.filesystems.entries(mountPoint.entry, signal) : [];
    const owner = mountPoint && otherOwner(volume, mountPoint.entry.target, observation, deps.others);
    return planMountPointVolume(volume, mountPoint, { entries, mounts: observation.mounts, ...present({ owner }) });
  }
  const place = isRecorded ? findRecorded(volume, observation)?.path : await deps.disks.resolve(path, signal);
  const owner =
    place === undefined || hasBeenReady(volume) ? undefined : otherOwner(volume, place, observation, deps.others);
  const facts = { ...factsOf(path, place, observation), ...present({ owner }) };
  const probe = facts.device && !useOf(facts) ? await deps.disks.probe(facts.device, signal) : undefined;
  return planDeviceVolume(volume, { ...facts, ...present({ probe }) });
}

/** A kernel would not let go of a device that is in use; here the user of it is named, and nothing is tried. */
async function unlessMounted(
  step: VolumeStep,
  { metadata: { name = '' }, spec: { vgName = '' } }: LocalVolume,
  mounts: VolumeDeps['mounts'],
  signal: AbortSignal,
): Promise<VolumeStep> {
  const device = volumeDevicePath(vgName, name);
  for (const entry of await mounts.list(signal)) {
    const isShown = (path: string): Promise<boolean> => mounts.shows(entry, path, signal);
    if (!(await isShown(device)) && !(await isShown(mappingPathOf(name)))) continue;
    const message = `Logical volume ${vgName}/${name} is mounted at ${entry.target}: it is removed once no pod uses it.`;
    return { kind: 'refuse', reason: 'InUse', message };
  }
  return step;
}

const refuseUnsupported = (volume: LocalVolume, message: string): VolumeStep =>
  volume.metadata.deletionTimestamp === undefined
    ? { kind: 'refuse', reason: 'Unsupported', message }
    : { kind: 'gone' };

async function attempt(volume: LocalVolume, step: Deed, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  try {
    await act(volume, step, deps, signal);
  } catch (error) {
    signal.throwIfAborted();
    const problem = problemOf(step, error);
    const told = await deps.write.problem(volume, problem, signal);
    if (told) deps.record(subjectOf(LOCAL_VOLUMES, volume.metadata), { type: 'Warning', ...problem });
    throw error;
  }
}

/** What it waits for brings it back: an Event when that is news, and no further try. */
async function tellWaiting(
  volume: LocalVolume,
  { reason, message }: VolumeStep & { readonly kind: 'wait' },
  { write, record }: VolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  if (!(await write.problem(volume, { reason, message }, signal))) return;
  const type = VOLUME_REASONS[reason].broken ? 'Warning' : 'Normal';
  record(subjectOf(LOCAL_VOLUMES, volume.metadata), { type, reason, message });
}

async function act(volume: LocalVolume, step: Deed, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  const { lvm, log } = deps;
  if (step.kind === 'refuse') throw new Fault('precondition', step.message);
  const target = targetOf(volume, step);
  log.info({ vg: target.vgName, volume: target.name, action: step.kind }, 'changing a volume');
  if (step.kind === 'create') await lvm.createVolume({ ...target, ...step }, signal);
  if (step.kind === 'adopt') await lvm.adoptVolume(target, signal);
  await actOnSnapshot(target, step, deps, signal);
  if (step.kind === 'extend') await lvm.extendVolume({ ...target, sizeBytes: bytes(step.sizeBytes) }, signal);
  if (step.kind === 'activate') await lvm.activateVolume(target, signal);
  if (step.kind === 'refresh') await lvm.refreshVolume(target, signal);
  if (step.kind === 'erase') await erase(volume, { target, ...step }, deps, signal);
  if (step.kind === 'remove') await lvm.removeVolume(target, signal);
  if (step.kind === 'wipe') await wipe(step, deps, signal);
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
  ...('vgUuid' in step && step.vgUuid !== undefined ? { vgUuid: step.vgUuid } : {}),
  ...('uuid' in step && step.uuid !== undefined ? { uuid: step.uuid } : {}),
});

/** Disk and filesystem are recorded before anybody can use the volume. */
async function tellReady(
  volume: LocalVolume,
  now: VolumeStep & { readonly kind: 'ready' },
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  const { write, observe } = deps;
  const { metadata, spec } = volume;
  await write.hold(volume, signal); // one that a person made for data that was there
  if (spec.kind !== 'LVM') {
    const identity = identityAt(volume, now.devicePath, await observe(signal));
    const recorded = recordedDisk(volume);
    const isNews = recorded === undefined || isGrown(recorded, identity ?? '');
    if (identity !== undefined && isNews) await write.markDisk(metadata.name ?? '', identity, signal);
  }
  if (now.filesystem !== undefined && recordedFilesystem(volume) === undefined)
    await write.markFilesystem(metadata.name ?? '', now.filesystem, signal);
  const snapshot = now.snapshot && { ...now.snapshot, ...(await fillOf(volume, deps, signal)) };
  await write.ready(volume, { ...now, snapshot, groupUuid: now.vgUuid, volumeUuid: now.uuid }, signal);
}

/**
 * If the volume cannot be activated because disks are missing, its bytes on the remaining disks are not erased: nothing
 * can reach them.
 */
async function erase(
  volume: LocalVolume,
  { target, first, partial, path, size }: Erasure & { readonly target: VolumeRef },
  { lvm, disks, crypt }: VolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (first === 'activate') await lvm.activateVolume(target, signal);
    if (first === 'refresh') await lvm.refreshVolume(target, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (partial) return;
    throw error;
  }
  const { vgUuid, uuid } = target;
  const found = await disks.mapperUuid(path, signal);
  if (vgUuid !== undefined && uuid !== undefined && found !== undefined && found !== mapperUuidOf(vgUuid, uuid))
    throw new Fault('precondition', `${path} leads to ${found}, which is another logical volume: it is not erased`);
  await closeLeft(volume, crypt, signal);
  const isUnreadable = await destroyKeys(volume, path, crypt, signal);
  await disks.erase({ path, size, ...(isUnreadable ? { head: LUKS_HEADER } : {}) }, signal);
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
