import { MIB, bytes, roundUp, type Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import type { NewVolume } from './argv.ts';
import { assertNoSnapshots, assertSame, isUnfinished } from './lvm.ts';
import { OUR_TAG, lvmName } from './names.ts';
import type { LvmGroup, LvmReport, LvmVolume, PhysicalVolume } from './report.ts';
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
  readonly devices: readonly string[];
  readonly volumes: readonly SimulatedVolume[];
}

export interface SimulatedVolume {
  readonly name: string;
  readonly tags: readonly string[];
  /** False: as after a boot, its device is not there. Absent: nobody can tell. */
  readonly active?: boolean;
  /** More than one: it lies on that many devices in equal parts, and grows so. */
  readonly stripes: number;
  readonly segments: readonly { readonly device: string; readonly extents: number }[];
}

/**
 * LVM's defaults: the metadata area ends at 1 MiB, an extent has 4 MiB (lvm.conf(5), devices/default_data_alignment).
 */
const PE_START = MIB;
const EXTENT = bytes(4 * MIB);

const inBytes = (extents: number): Bytes => bytes(extents * EXTENT);
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
const extentsOf = (volume: SimulatedVolume): number => sum(volume.segments.map(({ extents }) => extents));

/** What `lvm fullreport` would say of it. */
export function reportOf(state: SimulatedStorage): LvmReport {
  return { groups: (state.groups ?? []).map((group) => groupOf(state, group)), orphans: [] };
}

function groupOf(state: SimulatedStorage, group: SimulatedGroup): LvmGroup {
  const devices = group.devices.map((device) => deviceOf(state, group, device));
  return {
    name: group.name,
    uuid: `simulated-${group.name}`,
    total: bytes(sum(devices.map(({ size }) => size))),
    free: bytes(sum(devices.map(({ free }) => free))),
    extentSize: EXTENT,
    seqno: 1,
    foreign: false,
    exported: false,
    partial: devices.some(({ missing }) => missing),
    devices,
    volumes: group.volumes.map(volumeOf),
  };
}

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
  };
}

function volumeOf(volume: SimulatedVolume): LvmVolume {
  const size = inBytes(extentsOf(volume));
  const layout = volume.stripes > 1 ? 'striped' : 'linear';
  const active = volume.active === undefined ? {} : { active: volume.active };
  return { name: volume.name, size, taken: size, tags: volume.tags, readOnly: false, layout, ...active, health: '' };
}

/** Throws Fault `conflict` when the group exists, and as withDevices. */
export function withGroup(state: SimulatedStorage, name: string, devices: readonly string[]): SimulatedStorage {
  const groups = state.groups ?? [];
  if (groups.some((group) => group.name === lvmName(name)))
    throw new Fault('conflict', `a volume group called ${name} already exists`);
  return withDevices({ ...state, groups: [...groups, { name, devices: [], volumes: [] }] }, name, devices);
}

/**
 * Throws Fault `not-found` for a group or disk that is not there, `precondition` for a disk that is not blank or in a
 * group.
 */
export function withDevices(state: SimulatedStorage, name: string, devices: readonly string[]): SimulatedStorage {
  for (const device of devices) assertBlank(state, device);
  return changeGroup(state, name, (group) => ({ ...group, devices: [...group.devices, ...devices] }));
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
  return changeGroup(state, wanted.vgName, (group) => {
    const view = groupOf(state, group);
    const found = view.volumes.find(({ name }) => name === lvmName(wanted.name));
    if (found && !isUnfinished(found)) {
      assertSame(wanted, found);
      return group;
    }
    const stripes = wanted.layout === 'striped' ? stripesFor(view, wanted.sizeBytes) : 1;
    const segments = allocate(view, wanted.sizeBytes / EXTENT, stripes);
    const volume = { name: wanted.name, tags: [OUR_TAG], stripes, segments };
    return { ...group, volumes: [...group.volumes, volume] };
  });
}

/** Throws Fault `not-found`, or `exhausted` without room. Never shrinks. */
export function withVolumeGrown(
  state: SimulatedStorage,
  { vgName, name, sizeBytes }: { readonly vgName: string; readonly name: string; readonly sizeBytes: Bytes },
): SimulatedStorage {
  return changeGroup(state, vgName, (group) => {
    const volume = group.volumes.find((candidate) => candidate.name === name);
    if (!volume) throw new Fault('not-found', `logical volume ${name} not found in volume group ${vgName}`);
    const missing = roundUp(sizeBytes, EXTENT) / EXTENT - extentsOf(volume);
    if (missing <= 0) return group;
    const more = allocate(groupOf(state, group), missing, volume.stripes);
    const grown = { ...volume, segments: [...volume.segments, ...more] };
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === volume ? grown : candidate)) };
  });
}

/** Throws Fault `not-found`. */
export function withVolumeActive(state: SimulatedStorage, vgName: string, name: string): SimulatedStorage {
  return changeGroup(state, vgName, (group) => {
    const volume = group.volumes.find((candidate) => candidate.name === name);
    if (!volume) throw new Fault('not-found', `logical volume ${name} not found in volume group ${vgName}`);
    if (volume.active !== false) return group;
    const active = { ...volume, active: true };
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === volume ? active : candidate)) };
  });
}

/** Throws Fault `not-found` when the group is not there; a volume that is not there is gone already. */
export function withoutVolume(state: SimulatedStorage, vgName: string, name: string): SimulatedStorage {
  return changeGroup(state, vgName, (group) => {
    assertNoSnapshots(groupOf(state, group), name);
    const volumes = group.volumes.filter((volume) => volume.name !== name);
    return volumes.length === group.volumes.length ? group : { ...group, volumes };
  });
}

function changeGroup(
  state: SimulatedStorage,
  name: string,
  change: (group: SimulatedGroup) => SimulatedGroup,
): SimulatedStorage {
  const before = (state.groups ?? []).find((group) => group.name === name);
  if (!before) throw new Fault('not-found', `volume group ${name} not found`);
  const after = change(before);
  if (after === before) return state;
  return { ...state, groups: (state.groups ?? []).map((group) => (group === before ? after : group)) };
}

/** Takes extents from the devices in their order; striped: equal parts from the emptiest. Throws Fault `exhausted`. */
function allocate(group: LvmGroup, wanted: number, stripes: number): SimulatedVolume['segments'] {
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
