import { bytes, formatBytes, minus, plus, type Bytes } from '../../model/bytes.ts';
import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { headerOf } from '../../model/encryption.ts';
import { filesystemOn } from '../../model/copies.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { UNTIL_DELETE_SNAPSHOT } from '../../model/needed-data.ts';
import { volumeLabels } from '../../model/node-label.ts';
import { present } from '../../model/present.ts';
import { parseSnapshotClass, type SnapshotPolicy } from '../../model/snapshot-class.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import { meaningOf } from '../../model/volume-reasons.ts';
import { KEEP, SNAPSHOT_CONTENT, SNAPSHOT_RESTORE, VOLUME_FINALIZER } from '../../model/well-known.ts';
import type { CreateSnapshotRequest } from '../gen/csi.ts';
import type { Room, Topology, Volumes } from '../ports.ts';
import { findStaying } from './find-staying.ts';
import { volumeIdOf } from './volume-id.ts';
import { candidateNodes, MAX_NAME_CHARS } from './wanted-volume.ts';
import { untilGone, untilMade, type AgentWait } from './wait-for-agent.ts';

/** A snapshot that somebody wants, checked and in our own words. */
export interface WantedSnapshot {
  readonly id: string;
  /** As the caller names it. */
  readonly name: string;
  /** CSI id of the volume that it is taken of. */
  readonly source: string;
  readonly policy: SnapshotPolicy;
  /** Names of the nodes where it must be; absent: wherever its source is. */
  readonly nodes?: readonly string[];
}

export interface MakeSnapshotDeps extends AgentWait {
  readonly volumes: Volumes;
  readonly room: Pick<Room, 'place' | 'unplace' | 'refused' | 'capacity' | 'inExtents'>;
  /** As in `DeleteNeededDeps`. */
  readonly sources: KeyedMutex;
}

/** Throws Fault `invalid`, naming the field or the VolumeSnapshotClass parameter. */
export function parseCreateSnapshot(
  request: CreateSnapshotRequest,
  topology: Pick<Topology, 'nodesAt'>,
): WantedSnapshot {
  const { name, sourceVolumeId, parameters } = request;
  if (name === '') throw new Fault('invalid', 'name is missing: a snapshot is found again by it');
  if (name.length > MAX_NAME_CHARS) throw new Fault('invalid', `name has more than ${MAX_NAME_CHARS} characters`);
  if (sourceVolumeId === '') throw new Fault('invalid', 'source_volume_id is missing: say of which volume');
  const nodes = candidateNodes(request.accessibilityRequirements, topology);
  const policy = parseSnapshotClass(parameters);
  return { id: volumeIdOf(name), name, source: sourceVolumeId, policy, ...present({ nodes }) };
}

/**
 * Takes the snapshot, or finds it as an earlier try left it; what its class says now makes no difference then. Returns
 * once the node has it. Throws Fault: `not-found` and `precondition` for a source that is not there or not ready,
 * `invalid` for one that can have no snapshots, `exhausted` when its group has no room (nothing is left there then),
 * `conflict`, and `aborted` for all that the same call, repeated, will find settled.
 */
export async function makeSnapshot(
  wanted: WantedSnapshot,
  deps: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<LocalVolume> {
  const found = await findStaying(wanted.id, deps, signal);
  if (found) checkSame(wanted, found);
  const begun = found ?? (await deps.sources.run(wanted.source, () => placeAndCreate(wanted, deps, signal), signal));
  return untilTaken(begun, deps, signal);
}

function checkSame({ name, source }: WantedSnapshot, { spec }: LocalVolume): void {
  if (spec.role !== 'Snapshot') throw new Fault('conflict', `${name} is no snapshot: a volume has that name`);
  if (spec.source?.volume !== source)
    throw new Fault('conflict', `snapshot ${name} exists of another volume: ${spec.source?.volume}, not ${source}`);
}

async function placeAndCreate(
  { id, name, source: sourceId, policy, nodes }: WantedSnapshot,
  deps: MakeSnapshotDeps,
  signal: AbortSignal,
): Promise<LocalVolume> {
  const source = await deps.volumes.find(sourceId, signal);
  if (!source) throw new Fault('not-found', `there is no volume ${sourceId} to take a snapshot of`);
  const { nodeName } = source.spec;
  if (nodes && !nodes.includes(nodeName))
    throw new Fault(
      'exhausted',
      `a snapshot of volume ${sourceId} can be on node ${nodeName} alone, where the volume is`,
    );
  const { leastClaim, store } = sizesOf(source, policy, deps.room);
  const size = place(id, source, store, deps.room);
  try {
    const wanted = { id, name, source: sourceId, policy };
    return await deps.volumes.create(newSnapshot(wanted, source, { leastClaim, size }), signal);
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'aborted')) deps.room.unplace(id);
    throw error;
  }
}

export interface SnapshotSizes {
  /** The least that a claim made from it may ask for. */
  readonly leastClaim: Bytes;
  /** Of the new store. */
  readonly store: Bytes;
}

/** What a snapshot of this volume has. Throws Fault when no such snapshot can be taken of it, or not now. */
export function sizesOf(
  source: LocalVolume,
  { restore, initialSize }: SnapshotPolicy,
  room: Pick<Room, 'inExtents'>,
): SnapshotSizes {
  const { name = '' } = source.metadata;
  const sourceSize = checkSource(name, source);
  if (restore === 'Mount') assertMountable(name, source);
  const begin = bytes(Math.min(initialSize, sourceSize));
  const leastClaim = restore === 'Mount' ? begin : leastCopy(name, source, sourceSize, room);
  return { leastClaim, store: begin };
}

/** The size of the volume in bytes. Throws Fault when no snapshot can be taken of it, or not now. */
function checkSource(id: string, { metadata, spec, status }: LocalVolume): Bytes {
  if (spec.role === 'Ephemeral') throw new Fault('invalid', `${id} is an inline volume: it goes with its pod`);
  if (spec.role === 'Snapshot') throw new Fault('invalid', `${id} is a snapshot: take another one of its source`);
  if (spec.kind !== 'LVM')
    throw new Fault('invalid', `volume ${id} is a whole ${spec.kind}: only volumes of volumeType LVM have snapshots`);
  if (spec.readOnly)
    throw new Fault(
      'invalid',
      `volume ${id} is the snapshot ${spec.source?.snapshot} itself, mounted read-only: take one of its source`,
    );
  if (metadata.deletionTimestamp !== undefined) throw new Fault('precondition', `volume ${id} is being deleted`);
  if (status?.phase !== 'Ready' || status.sizeBytes === undefined)
    throw new Fault(
      'precondition',
      `volume ${id} is not ready for a snapshot: ${status?.message ?? 'it is being made'}`,
    );
  return bytes(status.sizeBytes);
}

/** Throws Fault `invalid` for a volume whose device is not what is mounted. */
function assertMountable(id: string, { spec }: LocalVolume): void {
  if (!spec.encryption) return;
  const instead = `use a VolumeSnapshotClass with ${SNAPSHOT_RESTORE} "copy"`;
  throw new Fault('invalid', `volume ${id} is encrypted: its snapshot cannot be mounted as it is; ${instead}`);
}

/**
 * The least that a claim for a copy may ask for, in bytes: what its source was asked for, when whole extents are all
 * that the source has besides, so that a claim like the source's own is served. Without the header of encryption, which
 * no claim asks for.
 */
function leastCopy(id: string, { spec }: LocalVolume, sourceSize: Bytes, room: Pick<Room, 'inExtents'>): Bytes {
  const header = headerOf(spec.encryption);
  const asked = bytes(spec.request?.requiredBytes ?? 0);
  return room.inExtents(id, plus(asked, header)) === sourceSize ? asked : minus(sourceSize, header);
}

/**
 * Takes the room of the store, in the group of its source, and returns its size in whole extents. Throws Fault
 * `exhausted`.
 */
export function place(
  id: string,
  { spec, metadata }: LocalVolume,
  size: Bytes,
  room: Pick<Room, 'place' | 'capacity'>,
): Bytes {
  const policy = storePolicy(spec.vgName ?? '');
  const placed = room.place({ name: id, policy, size, nodes: [spec.nodeName] });
  if (placed.ok) return placed.placement.size;
  const { largest } = room.capacity(policy, spec.nodeName);
  throw new Fault(
    'exhausted',
    `no snapshot of volume ${metadata.name} on node ${spec.nodeName}: ${placed.refusal.message} for its store, ` +
      `which has ${formatBytes(largest)} that no volume takes`,
  );
}

const storePolicy = (vgName: string): VolumePolicy => ({ kind: 'LVM', vgName, layout: 'linear', limits: {} });

/** The group snapshot that a snapshot is part of. */
export interface PartOf {
  readonly groupSnapshot: string;
  readonly groupSources: string[];
}

/** The order to the node's agent, and the record of what was asked. */
export function newSnapshot(
  { id, name, source: volume, policy }: WantedSnapshot,
  of: LocalVolume,
  { leastClaim, size, part }: { readonly leastClaim: Bytes; readonly size: Bytes; readonly part?: PartOf },
): LocalVolume {
  const { nodeName, kind, vgName, encryption } = of.spec;
  return {
    metadata: {
      name: id,
      labels: volumeLabels(nodeName),
      annotations: { [KEEP]: UNTIL_DELETE_SNAPSHOT, [SNAPSHOT_CONTENT]: '' },
      finalizers: [VOLUME_FINALIZER],
    },
    spec: {
      nodeName,
      kind,
      ...present({ vgName, fsType: filesystemOn(of), encryption }),
      sizeBytes: size,
      role: 'Snapshot',
      source: { volume },
      copyOnWrite: { thresholdPercent: policy.thresholdPercent, stepBytes: policy.step },
      restore: policy.restore,
      ...part,
      request: { name, requiredBytes: leastClaim },
    },
  };
}

async function untilTaken(begun: LocalVolume, deps: MakeSnapshotDeps, signal: AbortSignal): Promise<LocalVolume> {
  const { name = '' } = begun.metadata;
  const outcome = await untilMade(begun, deps, signal);
  if (outcome.kind === 'ready') return outcome.volume;
  if (outcome.kind === 'gone') throw new Fault('aborted', `snapshot ${name} was deleted while it was being taken`);
  const { reason, message = 'no reason given', sizeBytes } = outcome.volume.status ?? {};
  const says = `node ${begun.spec.nodeName} says: ${message}`;
  if (reason === undefined || sizeBytes !== undefined || !meaningOf(reason).elsewhere)
    throw new Fault('aborted', `snapshot ${name}: ${says}`);
  // Other trouble than the group's is the snapshot's own, and says nothing of volumes that somebody wants there.
  if (reason === 'NoSpace' || meaningOf(reason).concernsPlace) deps.room.refused(name, meaningOf(reason).concernsPlace);
  await deps.volumes.remove(name, signal);
  await untilGone(outcome.volume, deps, signal);
  throw new Fault('exhausted', `snapshot ${name} could not be taken, and nothing of it is left: ${says}`);
}
