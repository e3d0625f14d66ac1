import { present } from '../../model/present.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { VOLUME_REASONS } from '../../model/volume-reasons.ts';
import { isGrown } from '../../disk/identity.ts';
import { isFresh } from '../../lvm/commands.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { attempt } from './act-on-volume.ts';
import { flushSources } from './flush-source.ts';
import { placeOf } from './place-of.ts';
import { partnersOf } from './plan-group-snapshot.ts';
import type { VolumeStep } from './plan-volume.ts';
import { settleTogether } from './settle-together.ts';
import { identityAt, recordedDisk, recordedFilesystem } from './unit-disk.ts';
import type { Member, Settled, VolumeDeps } from './volume-deps.ts';
import { brokenRecord } from './volume-rules.ts';
import { fillOf } from './watch-fill.ts';

export type { VolumeDeps } from './volume-deps.ts';

/**
 * Makes one volume as it is asked for, and tells in its status. May be cut at any point and repeated. Throws what the
 * next try has to wait for, after it was told.
 */
export async function reconcileVolume(volume: LocalVolume, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  const broken = brokenRecord(volume);
  if (broken !== undefined) deps.onBroken(volume, broken);
  const isLeaving = volume.metadata.deletionTimestamp !== undefined;
  const isOfGroup = volume.spec.kind === 'LVM';
  await flushSources(volume, deps, signal);
  const erased = isLeaving && isOfGroup ? await eraseLeaving(volume, deps, signal) : undefined;
  const endsWith = (step: VolumeStep): boolean => isEnd(step) || (toBeErased(step) && !erased);
  const settle = (): Promise<Settled> => visit(volume, deps, { endsWith, ...present({ seen: erased?.seen }) }, signal);
  // A disk or filesystem is erased in its own turn.
  const { step } = await (isLeaving && !isOfGroup ? deps.erasing.run(placeOf(volume), settle, signal) : settle());
  // Whatever was in the way of that went a moment ago.
  await (toBeErased(step) ? reconcileVolume(volume, deps, signal) : tell(volume, step, deps, signal));
}

const toBeErased = (step: VolumeStep): boolean => step.kind === 'remove' && step.erase !== undefined;

/** Nothing more is to be done here and now. */
const isEnd = ({ kind }: VolumeStep): boolean => ['ready', 'gone', 'wait', 'later', 'copy'].includes(kind);

/** Works on the volume under the lock of its group or path until a step ends it, which is given. */
async function visit(
  volume: LocalVolume,
  deps: VolumeDeps,
  given: Pick<Member, 'endsWith' | 'seen'>,
  signal: AbortSignal,
): Promise<Settled> {
  const member = { volume, deps, ...given, inside: deps.tracer.here() };
  const place = placeOf(volume);
  const places = placesOf(volume, place, deps.others);
  if (volume.spec.kind === 'LVM' && places.length === 1) return deps.turns.run(place, member, signal);
  const alone = () => settleTogether([member], signal);
  // What is erased in this very turn has waited for it already, and may take hours.
  const isErased = volume.metadata.deletionTimestamp !== undefined && volume.spec.kind !== 'LVM';
  // Nobody's turn passes while the lock of a group is waited for.
  const work = () => (isErased ? alone() : deps.apart.run(alone, signal));
  const [result] = await deps.locks.runAll(places, work, signal);
  if (result?.status === 'fulfilled') return result.value;
  throw result?.reason;
}

/**
 * Erases it, once what it is allows that: of a snapshot, what is erased is its store, which is made a volume first.
 * Returns what was seen of it before, or undefined when something is left to be erased. Unmounting and erasing are
 * outside of the group's lock: they may take minutes and hours, and touch nothing but the volume. Cut, it begins again.
 */
async function eraseLeaving(
  volume: LocalVolume,
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<Pick<Settled, 'seen'> | undefined> {
  const endsWith = ({ kind }: VolumeStep): boolean => kind !== 'split';
  const look = (): Promise<Settled> => visit(volume, deps, { endsWith }, signal);
  let first = await look();
  if (first.step.kind === 'unstage') {
    await attempt(volume, first.step, deps, signal);
    first = await look();
  }
  if (!toBeErased(first.step)) return first.step.kind === 'remove' ? first : undefined;
  const erase = async (): Promise<Pick<Settled, 'seen'> | undefined> => {
    // Whoever waited long for its turn looks again: it may be in use, or have a snapshot.
    const { step, seen } = first.seen && isFresh(first.seen) ? first : await look();
    if (step.kind !== 'remove') return undefined;
    const { vgUuid, uuid, erase: how } = step;
    if (how) await attempt(volume, { kind: 'erase', vgUuid, ...present({ uuid }), ...how }, deps, signal);
    return { seen };
  };
  return deps.erasing.run(placeOf(volume), erase, signal);
}

async function tell(volume: LocalVolume, step: VolumeStep, deps: VolumeDeps, signal: AbortSignal): Promise<void> {
  if (step.kind === 'ready') await tellReady(volume, step, deps, signal);
  if (step.kind === 'gone') await deps.write.release(volume, signal);
  if (step.kind === 'wait') await tellWaiting(volume, step, deps, signal);
  if (step.kind === 'later') await deps.write.pending(volume, step.message, signal);
  if (step.kind === 'copy') await deps.fillLater(volume, signal);
}

/** Of a group snapshot, the groups of all its parts: whichever of them takes it changes all. */
const placesOf = (volume: LocalVolume, place: string, others: VolumeDeps['others']): readonly string[] => [
  place,
  ...partnersOf(volume, others).flatMap(({ spec }) => spec.vgName ?? []),
];

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

/** Disk and filesystem are recorded before anybody can use the volume. */
async function tellReady(
  volume: LocalVolume,
  now: VolumeStep & { readonly kind: 'ready' },
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  const { write, observe } = deps;
  const { spec } = volume;
  await write.hold(volume, signal); // one that a person made for data that was there
  if (spec.kind !== 'LVM') {
    const identity = identityAt(volume, now.devicePath, await observe(signal));
    const recorded = recordedDisk(volume);
    const isNews = recorded === undefined || isGrown(recorded, identity ?? '');
    if (identity !== undefined && isNews) await write.markDisk(volume, identity, signal);
  }
  if (now.filesystem !== undefined && recordedFilesystem(volume) === undefined)
    await write.markFilesystem(volume, now.filesystem, signal);
  const snapshot = now.snapshot && { ...now.snapshot, ...(await fillOf(volume, deps, signal)) };
  await write.ready(volume, { ...now, snapshot, groupUuid: now.vgUuid, volumeUuid: now.uuid }, signal);
}
