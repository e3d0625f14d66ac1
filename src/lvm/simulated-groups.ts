import { MIB, bytes, roundUp, type Bytes } from '../model/bytes.ts';
import { present } from '../model/present.ts';
import { Fault } from '../model/fault.ts';
import { largestStore } from '../model/snapshot-store.ts';
import type { NewVolume } from './argv.ts';
import { groupOf as chosenGroup, type GroupRef } from './commands.ts';
import { assertSame, isUnfinished } from './create-volumes.ts';
import { OUR_TAG, lvmName } from './names.ts';
import type { LvmGroup, LvmReport, LvmVolume, PhysicalVolume } from './report.ts';
import { roomOf } from './room.ts';
import { assertIsIt, type VolumeRef } from './same-volume.ts';
import { assertNoSnapshots } from './snapshots.ts';
import { stripesFor } from './stripes.ts';

/** Disks and groups of a machine that does not exist, with LVM's own arithmetic: state in, state out. */
export interface SimulatedStorage {
  readonly disks: readonly SimulatedDisk[];
  readonly groups?: readonly SimulatedGroup[];
}

export interface SimulatedDisk {
  /** `/dev/sim-a`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly mediaType?: 'ssd' | 'hdd';
  /** What it carries, such as `ext4`; absent: it is blank. */
  readonly signature?: string;
}

export interface SimulatedGroup {
  readonly name: string;
  /** Absent: made from the name. Two groups of one name have different ones. */
  readonly uuid?: string;
  /** How often it was changed; absent: never. */
  readonly changes?: number;
  /** As `vgchange --logicalvolume` sets it; absent: no limit. */
  readonly maxVolumes?: number;
  readonly devices: readonly string[];
  readonly volumes: readonly SimulatedVolume[];
}

export interface SimulatedVolume {
  readonly name: string;
  /** Absent: made from the name. */
  readonly uuid?: string;
  readonly tags: readonly string[];
  /** False: as after a boot, its device is not there. Absent: nobody can tell. */
  readonly active?: boolean;
  /** It lets nothing through, as while a group snapshot is taken. */
  readonly suspended?: true;
  /** More than one: it lies on that many devices in equal parts, and grows so. */
  readonly stripes: number;
  readonly segments: readonly { readonly device: string; readonly extents: number }[];
  /** Of a snapshot, whose store the segments are. */
  readonly snapshot?: SimulatedSnapshot;
}

export interface SimulatedSnapshot {
  readonly origin: string;
  readonly originSize: number;
  /** RFC 3339. */
  readonly takenAt: string;
  /** Of the store; nobody writes to simulated volumes, so a test does. */
  readonly usedBytes?: number;
  readonly overflowed?: boolean;
}

/**
 * LVM's defaults: the metadata area ends at 1 MiB, an extent has 4 MiB (lvm.conf(5), devices/default_data_alignment).
 */
const PE_START = MIB;
export const EXTENT = bytes(4 * MIB);

const inBytes = (extents: number): Bytes => bytes(extents * EXTENT);
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
const extentsOf = (volume: SimulatedVolume): number => sum(volume.segments.map(({ extents }) => extents));

/** What `lvm fullreport` would say of it. */
export function reportOf(state: SimulatedStorage): LvmReport {
  return { groups: (state.groups ?? []).map((group) => groupOf(state, group)), orphans: [] };
}

export function groupOf(state: SimulatedStorage, group: SimulatedGroup): LvmGroup {
  const devices = group.devices.map((device) => deviceOf(state, group, device));
  const partial = devices.some(({ missing }) => missing);
  const free = bytes(sum(devices.map((device) => device.free)));
  const { maxVolumes = 0, volumes } = group;
  const rules = { maxVolumes, volumes: volumes.length, readOnly: false, shared: false, policy: 'normal', gaps: [] };
  return {
    name: group.name,
    uuid: uuidOf(group),
    total: bytes(sum(devices.map(({ size }) => size))),
    free,
    ...roomOf({ name: group.name, free, partial, exported: false, foreign: false, devices }, rules),
    extentSize: EXTENT,
    seqno: 1 + (group.changes ?? 0),
    foreign: false,
    exported: false,
    partial,
    devices,
    volumes: volumes.map(volumeOf),
  };
}

export const uuidOf = ({ name, uuid = `simulated-${name}` }: SimulatedGroup): string => uuid;

function deviceOf(state: SimulatedStorage, group: SimulatedGroup, device: string): PhysicalVolume {
  const disk = state.disks.find(({ name }) => name === device);
  const extents = disk ? Math.floor((disk.sizeBytes - PE_START) / EXTENT) : 0;
  const used = sum(group.volumes.flatMap(({ segments }) => segments.map((s) => (s.device === device ? s.extents : 0))));
  return {
    device: disk ? device : '[unknown]',
    uuid: `simulated-${device}`,
    size: inBytes(extents),
    free: inBytes(Math.max(0, extents - used)),
    missing: !disk,
    allocatable: true,
  };
}

function volumeOf(volume: SimulatedVolume): LvmVolume {
  const size = inBytes(extentsOf(volume));
  const layout = volume.stripes > 1 ? 'striped' : 'linear';
  const active = volume.active === undefined ? {} : { active: volume.active };
  const { name, uuid = `simulated-${name}`, tags, snapshot, suspended } = volume;
  const facts = snapshot && {
    origin: snapshot.origin,
    snapshot: {
      takenAt: snapshot.takenAt,
      originSize: bytes(snapshot.originSize),
      invalid: snapshot.overflowed ?? false,
    },
  };
  return {
    name,
    uuid,
    size,
    taken: size,
    tags,
    ...facts,
    readOnly: false,
    layout,
    ...active,
    ...present({ suspended }),
    health: '',
  };
}

/** Throws Fault `conflict` when the group exists, and as withDevices. */
export function withGroup(state: SimulatedStorage, name: string, devices: readonly string[]): SimulatedStorage {
  const groups = state.groups ?? [];
  if (groups.some((group) => group.name === lvmName(name)))
    throw new Fault('conflict', `a volume group called ${name} already exists`);
  return withDevices({ ...state, groups: [...groups, { name, devices: [], volumes: [] }] }, { vgName: name }, devices);
}

/**
 * Throws Fault `not-found` for a group or disk that is not there, `precondition` for a disk that is not blank or in a
 * group.
 */
export function withDevices(state: SimulatedStorage, ref: GroupRef, devices: readonly string[]): SimulatedStorage {
  for (const device of devices) assertBlank(state, device);
  return changeGroup(state, ref, (group) => ({ ...group, devices: [...group.devices, ...devices] }));
}

function assertBlank(state: SimulatedStorage, device: string): void {
  const disk = state.disks.find(({ name }) => name === device);
  if (!disk) throw new Fault('not-found', `no device found for ${device}`);
  if (disk.signature !== undefined)
    throw new Fault('precondition', `${disk.signature} signature detected on ${device}, aborted wiping of it`);
  const owner = (state.groups ?? []).find(({ devices }) => devices.includes(device));
  if (owner) throw new Fault('precondition', `${device} is already in volume group ${owner.name}`);
}

/** Throws Fault `exhausted` without room, and `conflict` when the name is taken by something else. */
export function withVolume(state: SimulatedStorage, wanted: NewVolume): SimulatedStorage {
  return changeGroup(state, wanted, (group) => {
    const view = groupOf(state, group);
    const found = view.volumes.find(({ name }) => name === lvmName(wanted.name));
    if (found && !isUnfinished(found)) {
      assertSame(wanted, found);
      return group;
    }
    const stripes = wanted.layout === 'striped' ? stripesFor(view, wanted.sizeBytes) : 1;
    const segments = allocate(view, wanted.sizeBytes / EXTENT, stripes);
    const uuid = `${uuidOf(group)}-${wanted.name}-${group.changes ?? 0}`;
    const volume = { name: wanted.name, uuid, tags: [OUR_TAG], stripes, segments };
    return { ...group, volumes: [...group.volumes, volume] };
  });
}

/** Throws Fault `not-found`, or `exhausted` without room. Never shrinks; a store has its largest size. */
export function withVolumeGrown(
  state: SimulatedStorage,
  ref: VolumeRef & { readonly sizeBytes: Bytes },
): SimulatedStorage {
  const { sizeBytes } = ref;
  return changeGroup(state, ref, (group) => {
    const volume = volumeIn(group, ref);
    const missing = roundUp(largest(volume, sizeBytes), EXTENT) / EXTENT - extentsOf(volume);
    if (missing <= 0) return group;
    const more = allocate(groupOf(state, group), missing, volume.stripes);
    const grown = { ...volume, segments: [...volume.segments, ...more] };
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === volume ? grown : candidate)) };
  });
}

/** A snapshot's store grows to what it can ever use. */
const largest = ({ snapshot }: SimulatedVolume, wanted: Bytes): Bytes =>
  snapshot ? bytes(Math.min(wanted, largestStore(bytes(snapshot.originSize)))) : wanted;

/** Throws Fault `not-found`. */
export function withVolumeActive(state: SimulatedStorage, ref: VolumeRef): SimulatedStorage {
  return changeGroup(state, ref, (group) => {
    const volume = volumeIn(group, ref);
    if (volume.active !== false) return group;
    const active = { ...volume, active: true };
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === volume ? active : candidate)) };
  });
}

/** Throws Fault `not-found`. */
export function withTag(state: SimulatedStorage, ref: VolumeRef, tag: string): SimulatedStorage {
  return changeGroup(state, ref, (group) => {
    const volume = volumeIn(group, ref);
    if (volume.tags.includes(tag)) return group;
    const tagged = { ...volume, tags: [...volume.tags, tag] };
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === volume ? tagged : candidate)) };
  });
}

/** Throws Fault `not-found` when the group is not there; a volume that is not there is gone already. */
export function withoutVolume(state: SimulatedStorage, ref: VolumeRef): SimulatedStorage {
  return changeGroup(state, ref, (group) => {
    const { name } = ref;
    if (!group.volumes.some((volume) => volume.name === name)) return group;
    volumeIn(group, ref);
    assertNoSnapshots(groupOf(state, group), name);
    const volumes = group.volumes.filter((volume) => volume.name !== name);
    return volumes.length === group.volumes.length ? group : { ...group, volumes };
  });
}

export function changeGroup(
  state: SimulatedStorage,
  ref: GroupRef,
  change: (group: SimulatedGroup) => SimulatedGroup,
): SimulatedStorage {
  const groups = state.groups ?? [];
  const { before } = chosenGroup(
    groups.map((group) => ({ name: group.name, uuid: uuidOf(group), before: group })),
    ref,
  );
  const after = change(before);
  if (after === before) return state;
  const changed = { ...after, changes: (before.changes ?? 0) + 1 };
  return { ...state, groups: groups.map((group) => (group === before ? changed : group)) };
}

export function volumeIn({ volumes }: SimulatedGroup, ref: VolumeRef): SimulatedVolume {
  const found = volumes.find(({ name }) => name === ref.name);
  if (!found) throw new Fault('not-found', `logical volume ${ref.name} not found in volume group ${ref.vgName}`);
  assertIsIt(ref, volumeOf(found));
  return found;
}

/** Takes extents from the devices in their order; striped: equal parts from the emptiest. Throws Fault `exhausted`. */
export function allocate(group: LvmGroup, wanted: number, stripes: number): SimulatedVolume['segments'] {
  const each = Math.ceil(wanted / stripes);
  const devices = stripes > 1 ? group.devices.toSorted((a, b) => b.free - a.free).slice(0, stripes) : group.devices;
  let left = each * stripes;
  const segments = devices.flatMap(({ device, free }) => {
    const extents = Math.min(free / EXTENT, stripes > 1 ? each : left);
    left -= extents;
    return extents === 0 ? [] : [{ device, extents }];
  });
  if (left > 0)
    throw new Fault(
      'exhausted',
      `volume group ${group.name} has insufficient free space (${group.free / EXTENT} extents): ${each * stripes} required`,
    );
  return segments;
}
