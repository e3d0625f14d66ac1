import type { NlsDevice, NodeLocalStorage } from '../model/objects.ts';
import { present } from '../model/present.ts';

/** A disk or partition of a node, as its agent reports it. */
export interface Disk {
  readonly node: string;
  readonly name: string;
  /** Bytes; absent of a disk that is listed and not there. */
  readonly size?: number;
  readonly media?: string;
  readonly state: DiskState;
  /** What has it: a group, a volume, a mount point. */
  readonly use?: string;
  /** Why no volume gets it: clauses that go on from its name. */
  readonly why: readonly string[];
}

/**
 * `group`, `volume`, `mount`: it serves; `offered`: a claim can have it; `refused`: it was asked for, and is left
 * alone; `other`: something else uses it; `unused`: nothing does, and nobody asked for it.
 */
export type DiskState = 'group' | 'volume' | 'mount' | 'offered' | 'refused' | 'other' | 'unused';

/** Something of a node's configuration that is not so, in the words of its agent. */
export interface Complaint {
  readonly node: string;
  /** Of the condition: `VolumeGroup/pool-0`. */
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** Every disk of every node, and every disk that a node was asked to use and has not. */
export function disksOf(storages: readonly NodeLocalStorage[]): readonly Disk[] {
  return storages.flatMap((nls) => {
    const report = readReport(nls);
    const there = (nls.status?.nodeStorageInfo?.deviceInfo ?? []).map((device) => diskOf(device, report));
    const known = new Set(there.map(({ name }) => name));
    const missing = [...report.refused]
      .filter(([name]) => !known.has(name))
      .map(([name, why]): Disk => ({ node: report.node, name, state: 'refused', why: [why] }));
    return [...there, ...missing];
  });
}

/** What does not hold, of all nodes. */
export const complaintsOf = (storages: readonly NodeLocalStorage[]): readonly Complaint[] =>
  storages.flatMap(({ metadata, status }) =>
    (status?.conditions ?? [])
      .filter((condition) => condition.status === 'False')
      .map(({ type, reason, message }) => ({ node: metadata.name ?? '', type, reason, message })),
  );

interface Report {
  readonly node: string;
  /** Groups by their disks. */
  readonly groups: ReadonlyMap<string, string>;
  readonly managedGroups: ReadonlySet<string>;
  /** Mount points by their disks. */
  readonly mounts: ReadonlyMap<string, string>;
  readonly offered: ReadonlySet<string>;
  /** What the agent found on disks that it was to use. */
  readonly refused: ReadonlyMap<string, string>;
  /** What hides disks from the machine's own lvm. */
  readonly hidden: ReadonlyMap<string, string>;
  /** Reasons for which disks fail. */
  readonly failing: ReadonlyMap<string, string>;
}

function readReport(nls: NodeLocalStorage): Report {
  const { nodeStorageInfo = {}, filteredStorageInfo = {}, host = {}, failingDisks = [] } = nls.status ?? {};
  const { volumeGroups = [], mountPoints = [] } = nodeStorageInfo;
  return {
    node: nls.metadata.name ?? '',
    groups: new Map(
      volumeGroups.flatMap(({ name, physicalVolumes }) => (physicalVolumes ?? []).map((disk) => [disk, name])),
    ),
    managedGroups: new Set(filteredStorageInfo.volumeGroups),
    mounts: new Map(mountPoints.map(({ name, device = '' }) => [device, name])),
    offered: new Set(filteredStorageInfo.devices),
    refused: refusedDisks(nls),
    hidden: new Map((host.hiddenDisks ?? []).map(({ device, by }) => [device, by])),
    failing: new Map(failingDisks.map(({ device, reason }) => [device, reason])),
  };
}

/**
 * What the conditions of groups say of their disks: for each disk that is listed, the sentences that begin with its
 * name, without it.
 */
export function refusedDisks({ spec, status }: NodeLocalStorage): ReadonlyMap<string, string> {
  const { vgs = [], mountpoints = [] } = spec?.resourceToBeInited ?? {};
  const wanted = [
    ...vgs.map(({ name, devices }) => ({ type: `VolumeGroup/${name}`, devices })),
    ...mountpoints.map(({ path, device }) => ({ type: `MountPoint/${path}`, devices: [device] })),
  ];
  return new Map(
    wanted.flatMap(({ type, devices }) => {
      const condition = status?.conditions?.find((each) => each.type === type && each.status === 'False');
      return condition ? saidOf(devices, condition.message) : [];
    }),
  );
}

function saidOf(devices: readonly string[], message: string): readonly (readonly [device: string, said: string])[] {
  const starts = devices
    .map((device) => ({ device, at: ` ${message}`.indexOf(` ${device} `) }))
    .filter(({ at }) => at >= 0)
    .toSorted((a, b) => a.at - b.at);
  return starts.map(({ device, at }, i) => {
    const end = starts[i + 1]?.at ?? message.length;
    return [device, message.slice(at + device.length, end).trim()] as const;
  });
}

function diskOf(device: NlsDevice, report: Report): Disk {
  const { name, total, mediaType } = device;
  const { state, use, why = [] } = standing(device, report);
  const hidden = report.hidden.get(name);
  const failing = report.failing.get(name);
  return {
    ...{ node: report.node, name, size: total, state },
    ...present({ media: mediaType, use }),
    why: [
      ...(failing === undefined ? [] : [`it fails (${failing})`]),
      ...why,
      ...(hidden === undefined ? [] : [`the machine's own lvm does not see it: ${hidden}`]),
    ],
  };
}

type Standing = { readonly state: DiskState; readonly use?: string; readonly why?: readonly string[] };

function standing({ name, inUse, readOnly, condition }: NlsDevice, report: Report): Standing {
  const group = report.groups.get(name);
  const refused = report.refused.get(name);
  if (group !== undefined) return inGroup(group, report);
  const mount = report.mounts.get(name);
  if (mount !== undefined) return { state: 'mount', use: `mount point ${mount}` };
  if (refused !== undefined) return { state: 'refused', why: [refused] };
  const volume = /^belongs to volume (.+)$/.exec(inUse ?? '')?.[1];
  if (volume !== undefined) return { state: 'volume', use: `volume ${volume}` };
  if (condition === 'DiskFault')
    return { state: 'other', why: ['has no size any more: see whether it is still there'] };
  if (inUse !== undefined) return { state: 'other', why: [inUse] };
  if (readOnly) return { state: 'other', why: ['is read-only'] };
  return report.offered.has(name)
    ? { state: 'offered', use: 'free for a claim' }
    : { state: 'unused', why: ['no list of the configuration names it'] };
}

const inGroup = (group: string, { managedGroups }: Report): Standing =>
  managedGroups.has(group)
    ? { state: 'group', use: `group ${group}` }
    : { state: 'other', use: `group ${group}`, why: ['listConfig.vgs does not include the group'] };
