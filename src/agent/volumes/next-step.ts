import { present } from '../../model/present.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Probe } from '../../disk/disks.ts';
import { useOf, type DeviceFacts } from '../../disk/inspect.ts';
import type { Seen } from '../../lvm/lvm.ts';
import { factsOf } from '../storage/device-facts.ts';
import type { Observation } from '../storage/observe.ts';
import { contentOfAnother, hasOwnContent, strangersOn } from './content-of-disk.ts';
import { hasWorldwideName, rawSharedWith, rawSharerOf, sharedWith, sharerOf } from './disk-of-two-nodes.ts';
import { unstageLeft } from './left-staged.ts';
import { planDeviceVolume, planMountPointVolume, useOfAnother } from './plan-unit.ts';
import { hasBeenReady, planLvmVolume, type VolumeStep } from './plan-volume.ts';
import { calledOtherwise, findFilesystem, findRecorded, isKnownByName, recordedDisk } from './unit-disk.ts';
import { otherOwner } from './unit-owner.ts';
import { mountsOf, usersOfVolume } from './user-of-volume.ts';
import type { VolumeDeps } from './volume-deps.ts';

/** Looks at what a volume needs next; `look` is at LVM, and may be shared with others. */
export async function nextStep(
  volume: LocalVolume,
  deps: VolumeDeps,
  look: () => Promise<Seen>,
  signal: AbortSignal,
): Promise<VolumeStep> {
  const { kind, role, source } = volume.spec;
  if (kind === 'LVM') {
    const { groups } = await look();
    const step = planLvmVolume(volume, groups, deps.others);
    const isLeaving = step.kind === 'remove' || step.kind === 'split';
    return isLeaving ? unlessMounted(step, volume, deps, signal) : step;
  }
  if (role === 'Snapshot' || source) return refuseUnsupported(volume, 'Snapshots and copies are of LVM volumes only.');
  const step = await planUnit(volume, await deps.observe(signal), deps, signal);
  if (step.kind !== 'refuse' || step.targets === undefined) return step;
  const { message } = step;
  const targets = [...new Set(await usersOfUnit(volume, deps, signal))];
  const isSame = targets.length === step.targets.length && targets.every((target) => step.targets?.includes(target));
  return (isSame ? await unstageLeft(volume, { message, targets }, deps.others) : undefined) ?? step;
}

/** Where the disk or mounted filesystem of a volume is mounted, its own mount point aside. */
async function usersOfUnit(
  volume: LocalVolume,
  { observe, mounts }: Pick<VolumeDeps, 'observe' | 'mounts'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const observation = await observe(signal);
  const isDisk = volume.spec.kind === 'Device';
  const disk = recordedDisk(volume) === undefined ? volume.spec.path : findRecorded(volume, observation)?.path;
  const own = isDisk ? disk : findFilesystem(volume, observation)?.entry.target;
  const users = own === undefined ? [] : await mountsOf([own], mounts, signal);
  return users.map(({ target }) => target).filter((target) => target !== own);
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
  const told = calledOtherwise(volume, observation);
  const otherwise = [...deps.others.values()].some((other) => recordedDisk(other) === told) ? undefined : told;
  if (kind === 'MountPoint') return planMounted(volume, observation, { deps, otherwise }, signal);
  const place = isRecorded ? findRecorded(volume, observation)?.path : await deps.disks.resolve(path, signal);
  const owner =
    place === undefined || hasBeenReady(volume) ? undefined : otherOwner(volume, place, observation, deps.others);
  const facts = { ...factsOf(path, place, observation), ...present({ owner }) };
  const probe = await lookInto(facts, deps.disks, signal);
  const other = probe && (await anotherOf(volume, probe, observation, deps, signal));
  if (other !== undefined) return { kind: 'refuse', reason: 'UnitMissing', message: notIts(volume, place, other) };
  return planDeviceVolume(volume, { ...facts, ...present({ probe }) }, otherwise);
}

/** Undefined of a disk that somebody else uses. Of one with partitions, or its pod's group, nothing more is read. */
async function lookInto(
  facts: DeviceFacts,
  disks: Pick<VolumeDeps['disks'], 'probe'>,
  signal: AbortSignal,
): Promise<Probe | undefined> {
  if (!facts.device || useOfAnother(facts)) return undefined;
  return useOf(facts) ? { busy: false, signatures: [] } : disks.probe(facts.device, signal);
}

/** Of a disk that is to be wiped: why it may be another's, and what helps; undefined where it is the volume's. */
async function anotherOf(
  volume: LocalVolume,
  probe: Probe,
  observation: Observation,
  { others, disksElsewhere }: Pick<VolumeDeps, 'others' | 'disksElsewhere'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (volume.metadata.deletionTimestamp === undefined || !hasBeenReady(volume)) return undefined;
  const here = isKnownByName(volume, observation) ? contentOfAnother(volume, probe, others) : undefined;
  if (here !== undefined) return `${here}: it is not wiped. ${OTHER_NAMES}`;
  const [strangers, isOwn] = [strangersOn(volume, probe), hasOwnContent(volume, probe)];
  const mayBeRaw = !isOwn && hasWorldwideName(volume);
  if (strangers.length === 0 && !mayBeRaw) return undefined;
  const elsewhere = await disksElsewhere(signal);
  const sharer = sharerOf(volume, strangers, elsewhere);
  if (sharer) return `${sharedWith(sharer)}. It is not wiped.`;
  const raw = mayBeRaw ? rawSharerOf(volume, elsewhere) : undefined;
  return raw && `${rawSharedWith(raw)}. It is not wiped.`;
}

const OTHER_NAMES =
  "Disks that tell nothing of themselves may have each other's names after a boot: give the volume's disk its name back.";

const notIts = ({ metadata: { name } }: LocalVolume, place = '', what: string): string =>
  `${place} ${what} If that never comes: kubectl open-local release volume ${name} --reason WHY.`;

async function planMounted(
  volume: LocalVolume,
  observation: Observation,
  { deps, otherwise }: { readonly deps: VolumeDeps; readonly otherwise: string | undefined },
  signal: AbortSignal,
): Promise<VolumeStep> {
  const mountPoint = findFilesystem(volume, observation);
  const isTaken = hasBeenReady(volume) || volume.metadata.deletionTimestamp !== undefined;
  const entries = mountPoint && !isTaken ? await deps.filesystems.entries(mountPoint.entry, signal) : [];
  const owner = mountPoint && otherOwner(volume, mountPoint.entry.target, observation, deps.others);
  const { mounts } = observation;
  return planMountPointVolume(volume, mountPoint, { entries, mounts, ...present({ owner, otherwise }) });
}

/** A kernel would not let go of a device that is in use; here the user of it is named, and nothing is tried. */
async function unlessMounted(
  step: VolumeStep,
  volume: LocalVolume,
  { mounts, others }: Pick<VolumeDeps, 'mounts' | 'others'>,
  signal: AbortSignal,
): Promise<VolumeStep> {
  const targets = (await usersOfVolume(volume, mounts, signal)).map(({ target }) => target);
  if (targets.length === 0) return step;
  const at = `${volume.spec.vgName}/${volume.metadata.name} is mounted at ${targets.join(', ')}`;
  const message = `Logical volume ${at}: it is removed once no pod uses it.`;
  return (await unstageLeft(volume, { message, targets }, others)) ?? { kind: 'refuse', reason: 'InUse', message };
}

const refuseUnsupported = (volume: LocalVolume, message: string): VolumeStep =>
  volume.metadata.deletionTimestamp === undefined
    ? { kind: 'refuse', reason: 'Unsupported', message }
    : { kind: 'gone' };
