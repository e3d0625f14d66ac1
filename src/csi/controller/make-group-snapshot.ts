import { bytes, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { parseSnapshotClass, type SnapshotPolicy } from '../../model/snapshot-class.ts';
import { meaningOf } from '../../model/volume-reasons.ts';
import { follow } from '../../wait/abort.ts';
import type { CreateVolumeGroupSnapshotRequest } from '../gen/csi.ts';
import type { Room } from '../ports.ts';
import { findStaying } from './find-staying.ts';
import { membersOf, sourceOf } from './group-members.ts';
import { newSnapshot, place, sizesOf, type MakeSnapshotDeps, type SnapshotSizes } from './make-snapshot.ts';
import { volumeIdOf } from './volume-id.ts';
import { untilGone, untilMade, type MakeOutcome } from './wait-for-agent.ts';
import { MAX_NAME_CHARS } from './wanted-volume.ts';

/** A group snapshot that somebody wants, checked and in our own words. */
export interface WantedGroupSnapshot {
  readonly id: string;
  /** As the caller names it. */
  readonly name: string;
  /** CSI ids of the volumes that it is taken of, in their order; each once. */
  readonly sources: readonly string[];
  readonly policy: SnapshotPolicy;
}

/** As in crds/localvolumes.yaml. Each volume more is frozen for longer. */
const MAX_SOURCES = 32;

/** Throws Fault `invalid`, naming the field or the VolumeGroupSnapshotClass parameter. */
export function parseCreateGroupSnapshot(request: CreateVolumeGroupSnapshotRequest): WantedGroupSnapshot {
  const { name, sourceVolumeIds, parameters } = request;
  if (name === '') throw new Fault('invalid', 'name is missing: a group snapshot is found again by it');
  if (name.length > MAX_NAME_CHARS) throw new Fault('invalid', `name has more than ${MAX_NAME_CHARS} characters`);
  if (sourceVolumeIds.length === 0 || sourceVolumeIds.includes(''))
    throw new Fault('invalid', 'source_volume_ids is missing, or has an empty id: say of which volumes');
  const sources = [...new Set(sourceVolumeIds)].toSorted();
  if (sources.length < sourceVolumeIds.length)
    throw new Fault('invalid', `source_volume_ids names a volume twice: ${sourceVolumeIds.join(', ')}`);
  if (sources.length > MAX_SOURCES)
    throw new Fault(
      'invalid',
      `source_volume_ids has ${sources.length} volumes, which would be frozen together: take at most ${MAX_SOURCES}`,
    );
  const policy = parseSnapshotClass(parameters, 'VolumeGroupSnapshotClass');
  return { id: volumeIdOf(name), name, sources, policy };
}

/**
 * Takes snapshots of all these volumes at one moment, or finds them as an earlier try left them; what the class says
 * now makes no difference then. Returns them in the order of their ids, once the node has all. Either all are made or
 * none: their room is taken in one step, and where one fails, all are removed. Throws Fault as `makeSnapshot`, besides
 * `precondition` for volumes of several nodes.
 */
export async function makeGroupSnapshot(
  wanted: WantedGroupSnapshot,
  deps: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<readonly LocalVolume[]> {
  const members = await findMembers(wanted.id, deps, signal);
  checkSame(wanted, members);
  const known = new Set(members.map(sourceOf));
  const missing = wanted.sources.filter((source) => !known.has(source));
  const create = (): Promise<readonly LocalVolume[]> => orNone({ ...wanted, missing }, members, deps, signal);
  if (missing.length > 0) checkNoneTaken(wanted, members, missing);
  const made = missing.length === 0 ? [] : await deps.sources.runAll(wanted.sources, create, signal);
  return untilAllTaken(wanted.id, inOrder([...members, ...made]), deps, signal);
}

const idOf = ({ metadata }: LocalVolume): string => metadata.name ?? '';
const inOrder = (members: readonly LocalVolume[]): readonly LocalVolume[] =>
  members.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1));

/** What is being removed of an earlier one is waited for. */
async function findMembers(id: string, deps: MakeSnapshotDeps, signal: AbortSignal): Promise<readonly LocalVolume[]> {
  const found = membersOf(id, deps.volumes.all());
  const staying = await Promise.all(found.map((member) => findStaying(idOf(member), deps, signal)));
  return staying.flatMap((member) => member ?? []);
}

function checkSame({ name, sources }: WantedGroupSnapshot, members: readonly LocalVolume[]): void {
  for (const { spec } of members) {
    const before = spec.groupSources ?? [];
    if (before.join('\0') === sources.join('\0')) continue;
    throw new Fault(
      'conflict',
      `group snapshot ${name} exists of other volumes: ${before.join(', ')}, not ${sources.join(', ')}`,
    );
  }
}

/** A snapshot that was taken later shows another moment. */
function checkNoneTaken(
  { name }: WantedGroupSnapshot,
  members: readonly LocalVolume[],
  missing: readonly string[],
): void {
  if (!members.some(({ status }) => status?.sizeBytes !== undefined)) return;
  throw new Fault(
    'precondition',
    `group snapshot ${name} was taken, and its snapshots of ${missing.join(', ')} are gone: delete it, and take another`,
  );
}

/**
 * Makes what is missing, or removes what an earlier try left, where nobody may try again: csi-snapshotter asks for the
 * deletion of no group that it never got, and what was left would keep its sources' data for ever.
 */
async function orNone(
  wanted: WantedGroupSnapshot & { readonly missing: readonly string[] },
  members: readonly LocalVolume[],
  deps: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<readonly LocalVolume[]> {
  try {
    return await placeAndCreate(wanted, deps, signal);
  } catch (error) {
    const isFinal = error instanceof Fault && error.kind !== 'aborted' && error.kind !== 'unavailable';
    if (isFinal) for (const member of members) await deps.volumes.remove(idOf(member), signal);
    throw error;
  }
}

/** The snapshots that are still to be made, with their sources. */
interface Planned {
  readonly id: string;
  readonly source: LocalVolume;
  readonly sizes: SnapshotSizes;
}

async function placeAndCreate(
  { id, name, sources, policy, missing }: WantedGroupSnapshot & { readonly missing: readonly string[] },
  deps: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<readonly LocalVolume[]> {
  const volumes = await findSources(sources, deps, signal);
  const planned = volumes
    .filter((source) => missing.includes(idOf(source)))
    .map((source) => ({ id: memberIdOf(name, idOf(source)), source, sizes: sizesOf(source, policy, deps.room) }));
  checkOneNode(name, volumes);
  const sizes = placeAll(planned, deps.room);
  const part = { groupSnapshot: id, groupSources: [...sources] };
  const orders = planned.map(({ id: member, source, sizes: { leastClaim } }, at) =>
    newSnapshot({ id: member, name: member, source: idOf(source), policy }, source, {
      ...{ leastClaim, part },
      size: sizes[at] ?? bytes(0),
    }),
  );
  return createAll(orders, deps, signal);
}

/** The same for every try; as long as it is, no other snapshot's. */
const memberIdOf = (name: string, source: string): string => volumeIdOf(`${name}/${source}`);

async function findSources(
  sources: readonly string[],
  { volumes }: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<readonly LocalVolume[]> {
  const found = await Promise.all(sources.map((source) => volumes.find(source, signal)));
  const missing = sources.filter((_, at) => found[at] === undefined);
  if (missing.length > 0)
    throw new Fault('not-found', `there is no volume ${missing.join(', ')} to take a snapshot of: nothing is taken`);
  return found.flatMap((volume) => volume ?? []);
}

function checkOneNode(name: string, volumes: readonly LocalVolume[]): void {
  const nodes = [...new Set(volumes.map(({ spec }) => spec.nodeName))].toSorted();
  if (nodes.length <= 1) return;
  const on = (node: string): string =>
    `${volumes
      .filter(({ spec }) => spec.nodeName === node)
      .map(knownAs)
      .join(', ')} on ${node}`;
  throw new Fault(
    'precondition',
    `group snapshot ${name} is of volumes on several nodes (${nodes.map(on).join('; ')}), and only volumes of one ` +
      'node can be stopped at one moment: take one group snapshot for each node, of claims with a label of its own',
  );
}

/** People know a volume by its claim. */
const knownAs = (volume: LocalVolume): string => {
  const { claim } = volume.spec;
  return claim ? `${claim.namespace}/${claim.name}` : idOf(volume);
};

/** Takes the room of all stores, or of none. One step: nothing else is decided meanwhile. */
function placeAll(planned: readonly Planned[], room: Pick<Room, 'place' | 'unplace' | 'capacity'>): readonly Bytes[] {
  const placed: string[] = [];
  try {
    return planned.map(({ id, source, sizes: { store } }) => {
      const size = place(id, source, store, room);
      placed.push(id);
      return size;
    });
  } catch (error) {
    for (const id of placed) room.unplace(id);
    throw error;
  }
}

async function createAll(
  orders: readonly LocalVolume[],
  { volumes, room }: Pick<MakeSnapshotDeps, 'volumes' | 'room'>,
  signal: AbortSignal,
): Promise<readonly LocalVolume[]> {
  const made: LocalVolume[] = [];
  try {
    for (const order of orders) made.push(await volumes.create(order, signal));
    return made;
  } catch (error) {
    const mayBeMade = error instanceof Fault && error.kind === 'aborted';
    for (const order of orders.slice(made.length + (mayBeMade ? 1 : 0))) room.unplace(idOf(order));
    // The next try finds what was made; after another error nobody may try again.
    if (!mayBeMade) for (const order of made) await volumes.remove(idOf(order), signal);
    throw error;
  }
}

type Failure = Exclude<MakeOutcome, { readonly kind: 'ready' }> & { readonly of: LocalVolume };
type GroupOutcome = Failure | { readonly kind: 'taken'; readonly members: readonly LocalVolume[] };

async function untilAllTaken(
  id: string,
  members: readonly LocalVolume[],
  deps: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<readonly LocalVolume[]> {
  const outcome = await outcomeOf(members, deps, signal);
  if (outcome.kind === 'taken') return outcome.members;
  const what = `group snapshot ${id}`;
  if (outcome.kind === 'gone')
    throw new Fault('aborted', `${what}: its snapshot ${idOf(outcome.of)} was deleted while it was being taken`);
  const { reason = '', message = 'no reason given', sizeBytes } = outcome.volume.status ?? {};
  const says = `node ${outcome.of.spec.nodeName} says: ${message}`;
  if (sizeBytes !== undefined) throw new Fault('aborted', `${what}: ${says}`);
  const { elsewhere, concernsPlace } = meaningOf(reason);
  if (reason === 'NoSpace' || concernsPlace) deps.room.refused(idOf(outcome.of), concernsPlace);
  for (const member of members) await deps.volumes.remove(idOf(member), signal);
  await Promise.all(members.map((member) => untilGone(member, deps, signal)));
  throw new Fault(
    elsewhere ? 'exhausted' : 'aborted',
    `${what} could not be taken, and nothing of it is left: ${says}`,
  );
}

/** All of them once they are taken, or the first that is not: the others wait for it. */
async function outcomeOf(
  members: readonly LocalVolume[],
  deps: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<GroupOutcome> {
  const waiting = follow(signal);
  const { promise: failed, resolve: fail } = Promise.withResolvers<Failure>();
  const taken = members.map(async (of) => {
    const outcome = await untilMade(of, deps, waiting.signal);
    if (outcome.kind === 'ready') return outcome.volume;
    fail({ ...outcome, of });
    return of; // the failure is known before all are, and is what is told
  });
  const all = async (): Promise<GroupOutcome> => {
    const volumes = await Promise.all(taken);
    return { kind: 'taken', members: volumes };
  };
  try {
    return await Promise.race([failed, all()]);
  } finally {
    waiting.abort(new Fault('aborted', 'another snapshot of the group could not be taken'));
    waiting.release();
  }
}
