import { isDeepStrictEqual } from 'node:util';
import { managedNames, type Managed } from '../agent/storage/managed-names.ts';
import { planMountPoint, type WantedMountPoint } from '../agent/storage/plan-mount-point.ts';
import { planVolumeGroups, type GroupPlan } from '../agent/storage/plan-volume-groups.ts';
import { NO_IDENTITY } from '../agent/storage/reported-devices.ts';
import type { DeviceFacts } from '../disk/inspect.ts';
import type { LvmGroup } from '../lvm/report.ts';
import { bytes } from '../model/bytes.ts';
import { nodeTraitsOf } from '../model/node-choice.ts';
import type { InitConfig, NlsDevice, NlsVolumeGroup, Node, NodeLocalStorage } from '../model/objects.ts';
import { present } from '../model/present.ts';
import { judge, notUsed, type Verdict } from '../operator/nodes/init-config-verdict.ts';
import { planNodeStorage, type NodeStorageSpec } from '../operator/nodes/plan-node-storage.ts';
import { refusedDisks } from './disks.ts';
import type { Room } from './room.ts';

/** What an init config would do, judged by operator and agent themselves over what the agents have reported. */
export interface Plan {
  readonly verdict: Verdict;
  /** None when the config is not applied. */
  readonly nodes: readonly NodePlan[];
}

export interface NodePlan {
  readonly node: string;
  /** Whether the NodeLocalStorage would be another than it is. */
  readonly isChanged: boolean;
  readonly disks: readonly PlannedDisk[];
  /** What else would be so, or cannot be said: sentences. */
  readonly notes: readonly string[];
}

/**
 * `take`: into a group, or under a mount point; `take-if-blank`: the same, and no report says whether it is blank;
 * `unknown`: it is listed, and no report has it.
 */
export type Will = 'take' | 'take-if-blank' | 'stay' | 'offer' | 'withdraw' | 'refuse' | 'unknown' | 'nothing';

export interface PlannedDisk {
  readonly disk: string;
  /** Bytes. */
  readonly size?: number;
  readonly media?: string;
  readonly will: Will;
  /** A clause that goes on from the disk's name. */
  readonly what: string;
}

/** Of a config that is not applied, or is not the one that counts, only the verdict is told. */
export function planOf(
  config: InitConfig,
  { nodes, storages, settings }: Pick<Room, 'nodes' | 'storages' | 'settings'>,
): Plan {
  const isCounting = config.metadata.name === settings.initConfig;
  const verdict = isCounting ? judge(config.spec) : notUsed(settings.initConfig);
  if (!verdict.ok) return { verdict, nodes: [] };
  const reports = new Map(storages.map((nls) => [nls.metadata.name ?? '', nls]));
  const byName = nodes.toSorted((a, b) =>
    (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '', 'en', { numeric: true }),
  );
  return {
    verdict,
    nodes: byName.map((node) => planNode(node, reports.get(node.metadata.name ?? ''), config.spec ?? {})),
  };
}

function planNode(node: Node, nls: NodeLocalStorage | undefined, config: NonNullable<InitConfig['spec']>): NodePlan {
  const { name, labels } = nodeTraitsOf(node);
  const spec = planNodeStorage({ name, labels }, config);
  const isChanged = !isDeepStrictEqual(spec, nls?.spec);
  if (!nls?.status?.nodeStorageInfo) {
    const notes = ['Its agent has not reported what disks it has: nothing can be said of them.'];
    return { node: name, isChanged, disks: [], notes };
  }
  const report = readReport(nls);
  const groups = planVolumeGroups(
    spec.resourceToBeInited?.vgs ?? [],
    report.groups.map(asLvmGroup),
    new Map(listedDisks(spec).map((disk) => [disk, factsOf(disk, report)])),
  );
  const after = managedAfter(spec, report, groups);
  const listed = listedPlans(spec, report, groups);
  const others = report.devices.filter((device) => !listed.some(({ disk }) => disk === device.name));
  const disks = [...listed, ...others.map((device) => planOther(device, report, after.managed))];
  return {
    ...{ node: name, isChanged, notes: [...groupNotes(report, after.managed), ...after.notes] },
    disks: disks.toSorted((a, b) => a.disk.localeCompare(b.disk, 'en', { numeric: true })),
  };
}

interface Report {
  readonly devices: readonly NlsDevice[];
  readonly groups: readonly NlsVolumeGroup[];
  readonly mounts: readonly { readonly name: string; readonly device?: string }[];
  /** What claims and volumes may have now. */
  readonly managed: Managed;
  /** What the agent found on disks that it was asked to use: clauses, by disk. */
  readonly found: ReadonlyMap<string, string>;
}

function readReport(nls: NodeLocalStorage): Report {
  const { status } = nls;
  const { deviceInfo = [], volumeGroups = [], mountPoints = [] } = status?.nodeStorageInfo ?? {};
  const filtered = status?.filteredStorageInfo ?? {};
  return {
    ...{ devices: deviceInfo, groups: volumeGroups, mounts: mountPoints },
    managed: {
      volumeGroups: filtered.volumeGroups ?? [],
      mountPoints: filtered.mountPoints ?? [],
      devices: filtered.devices ?? [],
    },
    found: foundOn(nls),
  };
}

/** What it said of the configuration, and not of the disk, may be otherwise with another one. */
const OF_CONFIGURATION = /^(?:is listed more than once|is being put into the group)/;

function foundOn(nls: NodeLocalStorage): ReadonlyMap<string, string> {
  const clauses = [...refusedDisks(nls)].map(([disk, said]) => [disk, said.split(': left alone')[0] ?? said] as const);
  return new Map(clauses.filter(([, clause]) => !OF_CONFIGURATION.test(clause)));
}

const listedDisks = ({
  resourceToBeInited: { vgs = [], mountpoints = [] } = {},
}: NodeStorageSpec): readonly string[] => [
  ...vgs.flatMap(({ devices }) => devices),
  ...mountpoints.map(({ device }) => device),
];

/** What the agent knew of a group when it reported. Groups of other machines are in no report. */
const asLvmGroup = (group: NlsVolumeGroup): LvmGroup => ({
  ...{ name: group.name, uuid: group.uuid ?? '', total: bytes(group.total), free: bytes(group.available) },
  ...{ room: bytes(group.available), kept: [], extentSize: bytes(group.extentSize ?? 0), seqno: 0 },
  ...{ foreign: false, exported: false, partial: group.condition === 'DiskFault', devices: [], volumes: [] },
});

const groupOf = (disk: string, { groups }: Report): string | undefined =>
  groups.find(({ physicalVolumes }) => (physicalVolumes ?? []).includes(disk))?.name;

/** Whether the agent has looked at what is on it: only at disks that it offers to claims. */
const isSeenBlank = ({ name, inUse }: NlsDevice, { managed }: Report): boolean =>
  inUse === undefined && managed.devices.includes(name);

/**
 * A disk as far as the report tells. What uses it is told in the agent's words, and of one that nothing uses it is
 * assumed that it is blank: `isSeenBlank` says whether that is known.
 */
function factsOf(disk: string, report: Report): DeviceFacts {
  const device = report.devices.find(({ name }) => name === disk);
  if (!device) return { path: disk, mountedAt: [] };
  const { inUse, mediaType = 'hdd', readOnly, total } = device;
  const group = groupOf(disk, report);
  const use = (inUse === NO_IDENTITY ? undefined : inUse) ?? report.found.get(disk);
  return {
    ...{ path: disk, resolved: disk, mountedAt: [], probe: { busy: false, signatures: [] } },
    device: {
      ...{ name: disk, path: disk, majorMinor: disk, kind: 'disk', size: bytes(total), mediaType, readOnly },
      ...{ holders: [], partitions: [], swap: false },
    },
    ...present({ group, otherPath: group === undefined ? use : undefined }),
  };
}

function listedPlans(spec: NodeStorageSpec, report: Report, groups: readonly GroupPlan[]): readonly PlannedDisk[] {
  const { vgs = [], mountpoints = [] } = spec.resourceToBeInited ?? {};
  return [
    ...groups.flatMap((group) =>
      vgs
        .filter(({ name }) => name === group.name)
        .flatMap(({ devices }) =>
          devices.map((disk) => ofDisk(disk, report, group.name, (device) => inGroup(device, group, report))),
        ),
    ),
    ...mountpoints.map((wanted) =>
      ofDisk(wanted.device, report, undefined, (device) => asMountPoint(device, wanted, report)),
    ),
  ];
}

type Decided = Pick<PlannedDisk, 'will' | 'what'>;

function ofDisk(
  disk: string,
  report: Report,
  wanted: string | undefined,
  decide: (device: NlsDevice) => Decided,
): PlannedDisk {
  const device = report.devices.find(({ name }) => name === disk);
  if (device) return { ...sizeOf(device), ...decide(device) };
  const group = groupOf(disk, report);
  if (group === undefined) return { disk, will: 'unknown', what: unreported(disk) };
  return group === wanted
    ? { disk, will: 'stay', what: `stays in group ${group}` }
    : { disk, will: 'refuse', what: `is left alone: it belongs to volume group ${group}` };
}

const sizeOf = ({ name, total, mediaType }: NlsDevice): Pick<PlannedDisk, 'disk' | 'size' | 'media'> => ({
  ...{ disk: name, size: total },
  ...present({ media: mediaType }),
});

const unreported = (disk: string): string =>
  /^\/dev\/(?:disk|mapper)\//.test(disk)
    ? 'is another name of a disk, and reports have disks by their kernel names only: nothing can be said'
    : 'is in no report: it is not there, or of a kind that its agent does not report';

function inGroup(device: NlsDevice, { name, step, refused, problem }: GroupPlan, report: Report): Decided {
  if (groupOf(device.name, report) === name) return { will: 'stay', what: `stays in group ${name}` };
  if (problem) return { will: 'refuse', what: `is left alone, as its group is: ${problem.message}` };
  const finding = refused.find((each) => each.device === device.name)?.finding;
  if (finding) return { will: 'refuse', what: `is left alone: it ${finding.what}` };
  const what = step?.kind === 'create' ? `becomes part of the new group ${name}` : `is added to group ${name}`;
  return ifBlank(device, what, report);
}

function ifBlank(device: NlsDevice, what: string, report: Report): Decided {
  return isSeenBlank(device, report)
    ? { will: 'take', what: `${what}: it was found blank` }
    : { will: 'take-if-blank', what: `${what} if it is blank, and is left alone if not: no report says` };
}

/** Where the agent mounts, unless it is told another folder. */
const MOUNT_ROOT = '/mnt/open-local';

function asMountPoint(device: NlsDevice, wanted: WantedMountPoint, report: Report): Decided {
  const step = planMountPoint(wanted, {
    device: factsOf(device.name, report),
    content: { kind: 'blank' },
    mounts: report.mounts.map(({ name, device: source = '' }, id) => ({
      ...{ id, majorMinor: source, root: '/', target: name, options: [], fsType: '', source },
    })),
    mountRoot: MOUNT_ROOT,
  });
  if (step.kind === 'mounted') return { will: 'stay', what: `stays mounted at ${wanted.path}` };
  if (step.kind === 'refuse') return { will: 'refuse', what: `is left alone: ${step.problem.message}` };
  const made = `gets ${step.fsType} and is mounted at ${wanted.path}`;
  return isSeenBlank(device, report)
    ? { will: 'take', what: `${made}: it was found blank` }
    : {
        will: 'take-if-blank',
        what: `${made} if it is blank, and is mounted as it is if it carries a filesystem that is wanted: no report says`,
      };
}

/** A disk that the config does not list. */
function planOther(device: NlsDevice, report: Report, after: Managed): PlannedDisk {
  const { name, inUse, readOnly } = device;
  const [was, is] = [report.managed.devices.includes(name), after.devices.includes(name)];
  const group = groupOf(name, report);
  const decide = (): Decided => {
    if (group !== undefined) return { will: 'stay', what: `stays in group ${group}` };
    if (inUse !== undefined && inUse !== NO_IDENTITY) return { will: 'nothing', what: `is left alone: it ${inUse}` };
    if (readOnly) return { will: 'nothing', what: 'is left alone: it is read-only' };
    if (is && was) return { will: 'stay', what: 'stays free for a claim' };
    if (is) return { will: 'offer', what: 'is offered to claims if it is blank: no report says' };
    return was
      ? { will: 'withdraw', what: 'is no longer offered to claims' }
      : { will: 'nothing', what: 'is left alone' };
  };
  return { ...sizeOf(device), ...decide() };
}

/** What is managed once the config is applied and the groups are made. */
function managedAfter({ listConfig = {} }: NodeStorageSpec, report: Report, groups: readonly GroupPlan[]) {
  const made = groups.flatMap(({ name, step }) => (step?.kind === 'create' ? [name] : []));
  const { managed, problems, unused } = managedNames(
    {
      volumeGroups: [...new Set([...report.groups.map(({ name }) => name), ...made])],
      mountPoints: report.mounts.map(({ name }) => name),
      devices: report.devices.map(({ name }) => name),
    },
    listConfig,
    report.managed,
  );
  return { managed, notes: [...problems, ...unused] };
}

function groupNotes({ managed: before, groups }: Report, after: Managed): readonly string[] {
  const there = new Set(groups.map(({ name }) => name));
  const added = after.volumeGroups.filter((name) => there.has(name) && !before.volumeGroups.includes(name));
  const gone = before.volumeGroups.filter((name) => there.has(name) && !after.volumeGroups.includes(name));
  return [
    ...added.map((name) => `Group ${name}, which is there, is used for volumes from now on.`),
    ...gone.map((name) => `Group ${name} is used for new volumes no more; those that it has stay.`),
  ];
}
