import type { FailingDisk } from '../../model/disk-reasons.ts';
import { present } from '../../model/present.ts';
import { bytes, formatShort, minus, NO_BYTES, type Bytes } from '../../model/bytes.ts';
import { nodeStorage } from '../../model/decode-node.ts';
import type { HostReport, NlsVolumeGroup, NodeLocalStorage, StorageCondition } from '../../model/objects.ts';
import { compareText, conditionsOf, type Standing } from './conditions.ts';
import { toldDisks } from './failing-standings.ts';
import { recordGroups } from './group-doubt.ts';
import { linksTo, managedNames, type Managed } from './managed-names.ts';
import type { Observation } from './observe.ts';
import { storageLists, type ReportedDevice, type StorageLists } from './storage-info.ts';

export type NlsStatus = NonNullable<NodeLocalStorage['status']>;
type State = NonNullable<NonNullable<NlsStatus['nodeStorageInfo']>['state']>;
type Filtered = NonNullable<NlsStatus['filteredStorageInfo']>;

export interface SummarizeInput {
  /** The object whose status is to be written: its spec, annotations and status so far. */
  readonly nls: NodeLocalStorage;
  readonly observation: Observation;
  /** The disks and partitions to report. */
  readonly devices: readonly ReportedDevice[];
  /** How the items of spec.resourceToBeInited stand. */
  readonly standings: readonly Standing[];
  /** Disks of ours that fail; absent: none. */
  readonly failing?: readonly FailingDisk[];
  /** Absent: what was reported before stays. */
  readonly host?: HostReport | undefined;
  /** RFC 3339. */
  readonly now: string;
}

/**
 * The status to report: sorted, so that equal content is equal JSON; a time changes only when what it is about does.
 */
export function summarize({ nls, observation, devices, standings, failing, host, now }: SummarizeInput): NlsStatus {
  const lists = storageLists(observation, devices);
  const before = nls.status;
  const { managed, problems, unused } = managedNames(
    namesOf(lists),
    nls.spec?.listConfig ?? {},
    before?.filteredStorageInfo ?? {},
    linksTo(observation.devices),
  );
  const reservations = reservationsOf(nls, lists, managed);
  const config = configStanding([...problems, ...reservations.problems], unused);
  const volumeGroups = lists.volumeGroups.map((group) => withReserved(group, reservations.of(group.name)));
  return {
    nodeStorageInfo: {
      ...lists,
      volumeGroups,
      phase: 'Running',
      state: stateOf(worst(lists, managed), before?.nodeStorageInfo?.state, now),
    },
    filteredStorageInfo: filteredInfo(managed, config, before?.filteredStorageInfo, now),
    summary: summaryOf(
      volumeGroups.filter(({ name }) => managed.volumeGroups.includes(name)),
      [...standings, config],
    ),
    knownGroups: recordGroups(nls, observation.groups),
    conditions: conditionsOf([...standings, config], before?.conditions ?? [], {
      now,
      generation: nls.metadata.generation,
    }),
    ...failingDisks(failing),
    ...present({ host: host ?? before?.host }),
  };
}

const failingDisks = (failing: readonly FailingDisk[] = []): Pick<NlsStatus, 'failingDisks'> =>
  failing.length === 0 ? {} : { failingDisks: [...toldDisks(failing)] };

/** The status of a node that could not be looked at: what was known stays, and the state says that it may be old. */
export function summarizeFailure(before: NlsStatus | undefined, message: string, now: string): NlsStatus {
  const fault: Shortcoming = { type: 'DiskFault', reason: 'DiscoveryFailed', message };
  const info = before?.nodeStorageInfo;
  return { ...before, nodeStorageInfo: { phase: 'Pending', ...info, state: stateOf(fault, info?.state, now) } };
}

const namesOf = (lists: StorageLists): Managed => ({
  volumeGroups: lists.volumeGroups.map(({ name }) => name),
  mountPoints: lists.mountPoints.map(({ name }) => name),
  devices: lists.deviceInfo.map(({ name }) => name),
});

/** Read as the operator reads them, so that both keep the same room back. */
function reservationsOf(nls: NodeLocalStorage, lists: StorageLists, { volumeGroups }: Managed) {
  const { name, annotations } = nls.metadata;
  const filteredStorageInfo = { volumeGroups: [...volumeGroups] };
  const { storage, problems } = nodeStorage({
    metadata: { ...present({ name }), ...(annotations ? { annotations } : {}) },
    status: { nodeStorageInfo: lists, filteredStorageInfo },
  });
  const reserved = new Map(storage.groups.map((group) => [group.name, group.reserved]));
  return { of: (group: string): Bytes => reserved.get(group) ?? NO_BYTES, problems };
}

const withReserved = (group: NlsVolumeGroup, reserved: Bytes): NlsVolumeGroup => ({
  ...group,
  allocatable: Math.min(group.allocatable, minus(bytes(group.total), reserved)),
});

function configStanding(problems: readonly string[], unused: readonly string[]): Standing {
  const ok = problems.length === 0;
  const reason = ok ? 'Accepted' : 'Invalid';
  return {
    type: 'ConfigAccepted',
    ok,
    reason,
    message: [...(ok ? ['The configuration is in use.'] : problems), ...unused].join(' '),
  };
}

/** What the columns of `kubectl get nls` show. */
function summaryOf(
  groups: readonly NlsVolumeGroup[],
  standings: readonly Standing[],
): NonNullable<NlsStatus['summary']> {
  const sum = (of: (group: NlsVolumeGroup) => number): string =>
    formatShort(bytes(groups.reduce((total, group) => total + of(group), 0)));
  const faulty = standings.filter(({ ok }) => !ok);
  const refused = faulty.filter(({ type }) => !type.startsWith('Disk/'));
  const faults = [...new Set(faulty.map(({ reason }) => reason))].toSorted(compareText).join(',');
  return {
    total: sum(({ allocatable }) => allocatable),
    free: sum(({ total, available, allocatable }) => Math.max(0, allocatable - (total - available))),
    refused: refused.length,
    ...(faults === '' ? {} : { faults: faults.slice(0, MAX_FAULTS_CHARS) }),
  };
}

/** As long as the CRD lets it be. */
const MAX_FAULTS_CHARS = 1024;

interface Shortcoming {
  readonly type: StorageCondition;
  readonly reason: string;
  readonly message: string;
}

/** The state of a node is that of the worst of what is managed. */
function worst({ volumeGroups, mountPoints }: StorageLists, managed: Managed): Shortcoming {
  const all = [
    ...volumeGroups.filter(({ name }) => managed.volumeGroups.includes(name)),
    ...mountPoints.filter(({ name }) => managed.mountPoints.includes(name)),
  ];
  const those = (condition: StorageCondition): string =>
    all.flatMap((item) => (item.condition === condition ? [item.name] : [])).join(', ');
  if (those('DiskFault') !== '')
    return { type: 'DiskFault', reason: 'DevicesMissing', message: `Faulty: ${those('DiskFault')}.` };
  if (all.length > 0 && all.every(({ condition }) => condition === 'DiskFull'))
    return { type: 'DiskFull', reason: 'NoSpace', message: `No room in ${those('DiskFull')}.` };
  return { type: 'DiskReady', reason: 'StorageReady', message: '' };
}

function stateOf({ type, reason, message }: Shortcoming, before: State | undefined, now: string): State {
  const since = before?.type === type ? before.lastTransitionTime : undefined;
  return {
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: since ?? now,
    lastHeartbeatTime: now,
  };
}

function filteredInfo(managed: Managed, config: Standing, before: Filtered | undefined, now: string): Filtered {
  const lists = {
    volumeGroups: [...managed.volumeGroups],
    mountPoints: [...managed.mountPoints],
    devices: [...managed.devices],
  };
  const updateStatus = config.ok ? 'accepted' : 'failed';
  const reason = config.ok ? '' : config.message;
  const { updateStatusInfo, ...listsBefore } = before ?? {};
  const same =
    updateStatusInfo?.updateStatus === updateStatus &&
    updateStatusInfo.reason === reason &&
    JSON.stringify({ ...lists, ...listsBefore }) === JSON.stringify(lists);
  const lastUpdateTime = (same ? updateStatusInfo.lastUpdateTime : undefined) ?? now;
  return { ...lists, updateStatusInfo: { lastUpdateTime, updateStatus, reason } };
}
