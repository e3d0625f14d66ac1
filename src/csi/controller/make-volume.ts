import { present } from '../../model/present.ts';
import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { minus, type Bytes } from '../../model/bytes.ts';
import { copySourceId } from '../../model/copies.ts';
import { headerOf, sealProblem } from '../../model/encryption.ts';
import { Fault } from '../../model/fault.ts';
import { isBegun } from '../../model/is-begun.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { meaningOf } from '../../model/volume-reasons.ts';
import { checkLimit } from './capacity-range.ts';
import type { WantedVolume } from './wanted-volume.ts';
import { findStaying } from './find-staying.ts';
import { checkSame, newLocalVolume } from './local-volume.ts';
import { checkHolds, makeCloneSnapshot, wantedCopy } from './copied-volume.ts';
import { mountedVolume } from './mount-snapshot.ts';
import { untilGone, untilMade, type AgentWait } from './wait-for-agent.ts';
import type { Room, Volumes } from '../ports.ts';

export interface MakeVolumeDeps extends AgentWait {
  readonly volumes: Volumes;
  /** Keyed by the id of what is deleted, or made from: see `DeleteNeededDeps`. */
  readonly sources: KeyedMutex;
  readonly room: Room;
  /** The uid of the claim that a volume is for, when it can be known. */
  readonly claimUid: (wanted: Pick<WantedVolume, 'name' | 'claim'>) => string | undefined;
  /**
   * Why nobody would have the volume: its claim is gone, has another, or is to be on another node. Rejects when nobody
   * can be asked.
   */
  readonly whyNotWanted: (
    wanted: Pick<WantedVolume, 'name' | 'claim' | 'nodes'>,
    signal: AbortSignal,
  ) => Promise<string | undefined>;
}

/**
 * Makes the volume, or finds it as an earlier try left it. Looking for an earlier try comes before any decision, since
 * a group that the first try filled would refuse the second. Returns once the node has the volume. Throws Fault:
 * `exhausted` when another node must be tried (nothing is left on this one then), `precondition` when nobody would have
 * it, `conflict`, `out-of-range`, and `aborted` for all that the same call, repeated, will find settled.
 */
export async function makeVolume(
  wanted: WantedVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<LocalVolume> {
  await leaveSilentNode(wanted.id, deps, signal);
  const found = await findStaying(wanted.id, deps, signal);
  if (found) {
    await checkAsAsked(wanted, found, deps, signal);
    await checkCloneSnapshot(found, deps, signal);
  }
  const volume = found ?? (await begin(wanted, deps, signal));
  return untilReady(volume, deps, signal);
}

/**
 * Lets go of a volume that was to be made on a node of which nothing is heard any more, and throws Fault `exhausted`,
 * by which its pod may go elsewhere: it would wait for ever otherwise.
 */
async function leaveSilentNode(id: string, { volumes, storage }: MakeVolumeDeps, signal: AbortSignal): Promise<void> {
  const volume = volumes.heard(id);
  if (!volume || isBegun(volume) || !storage.isSilent(volume.spec.nodeName)) return;
  await volumes.abandon(id, signal);
  throw new Fault(
    'exhausted',
    `node ${volume.spec.nodeName} has not made the volume, and its agent has stopped reporting: see the log of the agent's pod there`,
  );
}

/**
 * Throws Fault `conflict` for a volume that was asked for in other words. One that was never whole nobody has: its
 * class may have been made anew since, which is how people mend a class, so it is begun anew as it is asked for now.
 */
async function checkAsAsked(
  wanted: WantedVolume,
  found: LocalVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<void> {
  try {
    checkSame(wanted, found);
  } catch (error) {
    if (!(error instanceof Fault) || !wasNeverWhole(wanted, found)) throw error;
    await beginAnew(found, error.message, deps, signal);
  }
}

/**
 * Its agent has looked, and did not find it whole. One that no agent has looked at may be whole: its record may be
 * older than it, as after a restore of etcd.
 */
const wasNeverWhole = ({ name }: WantedVolume, { spec, status }: LocalVolume): boolean =>
  spec.role === 'Volume' &&
  !spec.adopted &&
  spec.request?.name === name &&
  status?.phase !== undefined &&
  status.sizeBytes === undefined;

/**
 * external-provisioner asks for claims that were deleted meanwhile, too: for one whose volume was just deleted nobody
 * would delete a second.
 */
async function begin(wanted: WantedVolume, deps: MakeVolumeDeps, signal: AbortSignal): Promise<LocalVolume> {
  const why = await deps.whyNotWanted(wanted, signal);
  if (why !== undefined) throw new Fault('precondition', `${why}: no volume ${wanted.name} is made`);
  const { source } = wanted;
  if (source === undefined) return placeAndCreate(wanted, deps, signal);
  const id = source.snapshot ?? source.volume ?? '';
  return deps.sources.run(id, () => makeFrom(id, wanted, deps, signal), signal);
}

/** What the volume is made from is looked at anew each time: nothing is made from what is not known for certain. */
async function makeFrom(
  id: string,
  wanted: WantedVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<LocalVolume> {
  const what = wanted.source?.snapshot === undefined ? 'volume' : 'snapshot';
  const source = await deps.volumes.find(id, signal);
  if (source === undefined || (source.spec.role === 'Snapshot') !== (what === 'snapshot'))
    throw new Fault('not-found', `there is no ${what} ${id} to make a volume from`);
  checkSeal(wanted, source);
  if (source.spec.restore === 'Mount')
    return deps.volumes.create(mountedVolume(wanted, source, deps.claimUid(wanted)), signal);
  return makeCopy(wanted, source, deps, signal);
}

/** Throws Fault `invalid` for a source whose device, with its header and key slots, cannot be taken over as it is. */
function checkSeal({ name, policy }: WantedVolume, { metadata, spec }: LocalVolume): void {
  const problem = sealProblem(policy.encryption, spec);
  if (problem !== undefined) throw new Fault('invalid', `volume ${name}, made from ${metadata.name}: ${problem}`);
}

/** A clone and its temporary snapshot have room, and are made, both or neither. */
async function makeCopy(
  asked: WantedVolume,
  source: LocalVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<LocalVolume> {
  const { wanted, sourceBytes } = wantedCopy(asked, source);
  const check = (size: Bytes): void => checkHolds(size, sourceBytes, wanted);
  if (source.spec.role === 'Snapshot') return placeAndCreate(wanted, deps, signal, check);
  const snapshot = await makeCloneSnapshot(wanted.id, source, deps, signal);
  try {
    return await placeAndCreate(wanted, deps, signal, check);
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'aborted')) {
      deps.room.unplace(snapshot);
      await deps.volumes.remove(snapshot, signal);
    }
    throw error;
  }
}

async function placeAndCreate(
  wanted: WantedVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
  check: (size: Bytes) => void = () => {},
): Promise<LocalVolume> {
  const { id: name, policy, size, nodes, claim, asked } = wanted;
  const claimUid = deps.claimUid(wanted);
  const placed = deps.room.place({
    name,
    policy,
    size,
    ...present({ nodes, claim, claimUid }),
  });
  if (!placed.ok) throw new Fault('exhausted', whereRefused(nodes, placed.refusal.message));
  try {
    check(placed.placement.size);
    checkLimit(minus(placed.placement.size, headerOf(policy.encryption)), asked);
    return await deps.volumes.create(newLocalVolume(wanted, placed.placement, claimUid), signal);
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'aborted')) deps.room.unplace(name);
    throw error;
  }
}

/** The words of the ledger name no node, and the Event of a claim has none either: pmem-csi issue 966. */
function whereRefused(nodes: readonly string[] = [], words: string): string {
  const [only, ...others] = nodes;
  return only === undefined || others.length > 0 ? words : `on node ${only}: ${words}`;
}

async function untilReady(asked: LocalVolume, deps: MakeVolumeDeps, signal: AbortSignal): Promise<LocalVolume> {
  const { name = '' } = asked.metadata;
  const { nodeName } = asked.spec;
  const outcome = await untilMade(asked, deps, signal);
  if (outcome.kind === 'ready') return outcome.volume;
  if (outcome.kind === 'gone') throw new Fault('aborted', `volume ${name} was deleted while it was being made`);
  const { message = 'no reason given' } = outcome.volume.status ?? {};
  if (isClone(outcome.volume) && outcome.volume.status?.reason === 'SourceFailed')
    await beginAnew(outcome.volume, message, deps, signal);
  if (!mayGoElsewhere(outcome.volume)) throw new Fault('aborted', `volume ${name}: node ${nodeName} says: ${message}`);
  deps.room.refused(name, concernsPlace(outcome.volume));
  await deps.volumes.remove(name, signal);
  await untilGone(outcome.volume, deps, signal);
  throw new Fault('exhausted', `node ${nodeName} could not make the volume: ${message}`);
}

/** Throws Fault `aborted` when the snapshot that an unfinished clone is copied from is not there any more. */
async function checkCloneSnapshot(clone: LocalVolume, deps: MakeVolumeDeps, signal: AbortSignal): Promise<void> {
  if (!isClone(clone) || clone.status?.phase === 'Ready') return;
  const snapshot = await deps.volumes.find(copySourceId(clone) ?? '', signal);
  if (snapshot && snapshot.metadata.deletionTimestamp === undefined) return;
  await beginAnew(clone, 'its snapshot is gone', deps, signal);
}

const isClone = ({ spec }: LocalVolume): boolean => spec.source?.volume !== undefined;

/** Removes what was made so far. Another snapshot of a clone's source shows another time, so the first goes too. */
async function beginAnew(volume: LocalVolume, why: string, deps: MakeVolumeDeps, signal: AbortSignal): Promise<never> {
  const { name = '' } = volume.metadata;
  if (isClone(volume)) await deps.volumes.remove(copySourceId(volume) ?? '', signal);
  await deps.volumes.remove(name, signal);
  await untilGone(volume, deps, signal);
  throw new Fault('aborted', `volume ${name} is begun anew with the next call: ${why}`);
}

/** Whether a smaller volume would meet the same trouble there. */
const concernsPlace = ({ status }: LocalVolume): boolean =>
  status?.reason !== undefined && meaningOf(status.reason).concernsPlace;

/**
 * Whether another node may have the volume. One that was ready may have data by now: it stays where it is; and a
 * mounted snapshot is where the snapshot is.
 */
const mayGoElsewhere = ({ spec, status }: LocalVolume): boolean =>
  spec.readOnly !== true &&
  status?.sizeBytes === undefined &&
  status?.reason !== undefined &&
  meaningOf(status.reason).elsewhere;
