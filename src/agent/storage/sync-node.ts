import { textOf } from '../../model/fault.ts';
import type { FailingDisk } from '../../model/disk-reasons.ts';
import type { HostReport, NodeLocalStorage } from '../../model/objects.ts';
import type { Log } from '../../model/log.ts';
import type { Standing } from './conditions.ts';
import type { RecordEvent } from '../events/record-event.ts';
import { initMountPoints, type InitMountPointsDeps } from './init-mount-points.ts';
import { initVolumeGroups, type InitDeps } from './init-volume-groups.ts';
import { namedBy } from './group-doubt.ts';
import { damageProblem, partialProblem } from './plan-volume-groups.ts';
import type { DiskHealth } from './disk-health.ts';
import { failingStandings } from './failing-standings.ts';
import { linksTo, managedNames } from './managed-names.ts';
import type { Observation } from './observe.ts';
import { ownDisks } from './own-disks.ts';
import { mountPointStandings, seenMounted } from './offered-mount-points.ts';
import { offeredStandings, reportedDevices } from './reported-devices.ts';
import { summarize, summarizeFailure, type NlsStatus } from './summarize.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';

export interface SyncDeps extends InitDeps, InitMountPointsDeps {
  readonly observe: (signal: AbortSignal) => Promise<Observation>;
  /** Writes the status when it differs. */
  readonly report: (before: NlsStatus | undefined, after: NlsStatus, signal: AbortSignal) => Promise<unknown>;
  /** How the node stands for anything else that is seen. */
  readonly moreStandings?: (observation: Observation) => readonly Standing[];
  /** Which of these disks fail; absent: nothing is real. */
  readonly failingDisks?: DiskHealth['look'];
  /** What else of the machine is to be told. */
  readonly hostReport: (observation: Observation, signal: AbortSignal) => Promise<HostReport>;
  readonly record: RecordEvent;
  readonly disks: InitDeps['disks'];
  /** Kernel names of disks to report. */
  readonly pattern: RegExp;
  /** Wall clock in ms. */
  readonly now: () => number;
  readonly log: Log;
}

/**
 * One turn of the node's work: look, make what groups and mount points may be made, look again if something was, and
 * report.
 */
export async function syncNode(nls: NodeLocalStorage, deps: SyncDeps, signal: AbortSignal): Promise<Observation> {
  const before = await look(nls, deps, signal);
  const wanted = nls.spec?.resourceToBeInited;
  const groups = await initVolumeGroups(wanted?.vgs ?? [], before, deps, signal);
  const between = groups.changed ? await look(nls, deps, signal) : before;
  const mountPoints = await initMountPoints(wanted?.mountpoints ?? [], between, deps, signal);
  const observation = mountPoints.changed ? await look(nls, deps, signal) : between;

  const listed = [...groups.standings, ...seenMounted(mountPoints.standings, observation.mounts)];
  const more = deps.moreStandings?.(observation) ?? [];
  const rules = offerRules(nls, observation);
  const devices = await reportedDevices({ ...deps, observation, ...rules }, signal);
  const failing = await failingOf(nls, observation, { ...deps, ...rules }, signal);
  const unoffered = mountPointStandings(observation.mountPoints, rules.isManaged, listed);
  const all = [
    ...listed.filter(({ type }) => !unoffered.some((standing) => standing.type === type)),
    ...unoffered,
    ...troubled(nls, observation, listed),
    ...offeredStandings(devices),
    ...failingStandings(failing),
    ...more,
  ];
  const now = new Date(deps.now()).toISOString();
  tellChanges(nls, all, deps.record);
  const host = await hostOf(observation, deps, signal);
  await deps.report(nls.status, summarize({ nls, observation, devices, standings: all, failing, host, now }), signal);
  return observation;
}

async function look(
  nls: NodeLocalStorage,
  { observe, report, now }: SyncDeps,
  signal: AbortSignal,
): Promise<Observation> {
  try {
    return await observe(signal);
  } catch (error) {
    signal.throwIfAborted();
    const time = new Date(now()).toISOString();
    await report(nls.status, summarizeFailure(nls.status, textOf(error), time), signal);
    throw error;
  }
}

type FailingDeps = Pick<SyncDeps, 'failingDisks' | 'log'> & { readonly isManaged: (path: string) => boolean };

/** No volume waits because this could not be read: what was told before stays. */
async function failingOf(
  nls: NodeLocalStorage,
  observation: Observation,
  { failingDisks, isManaged, log }: FailingDeps,
  signal: AbortSignal,
): Promise<readonly FailingDisk[]> {
  const before = nls.status?.failingDisks ?? [];
  try {
    const disks = ownDisks(observation, nls.spec, isManaged);
    return (await failingDisks?.(disks, { devices: observation.devices, before }, signal)) ?? [];
  } catch (err) {
    signal.throwIfAborted();
    log.warn({ err }, 'how the disks do cannot be read');
    return before;
  }
}

/** No volume waits because this could not be read. */
async function hostOf(
  observation: Observation,
  { hostReport, log }: SyncDeps,
  signal: AbortSignal,
): Promise<HostReport | undefined> {
  try {
    return await hostReport(observation, signal);
  } catch (err) {
    signal.throwIfAborted();
    log.warn({ err }, 'what the machine is like cannot be read');
    return undefined;
  }
}

function offerRules(nls: NodeLocalStorage, { devices, mountPoints }: Observation) {
  const found = {
    devices: devices.map(({ path }) => path),
    volumeGroups: [],
    mountPoints: mountPoints.map(({ entry }) => entry.target),
  };
  const { managed } = managedNames(
    found,
    nls.spec?.listConfig ?? {},
    nls.status?.filteredStorageInfo ?? {},
    linksTo(devices),
  );
  return {
    isManaged: (path: string): boolean => managed.devices.includes(path) || managed.mountPoints.includes(path),
    allowWithoutIdentity: nls.spec?.listConfig?.devices?.allowWithoutIdentity ?? false,
  };
}

/** How groups stand that are matched only, and of which it is not known which they are, or that are not whole. */
function troubled(nls: NodeLocalStorage, { groups }: Observation, told: readonly Standing[]): readonly Standing[] {
  const isNamed = namedBy(nls);
  const standings = groups.flatMap((group) => {
    const { name } = group;
    const type = `VolumeGroup/${name}` as const;
    if (!isNamed(name) || told.some((standing) => standing.type === type)) return [];
    const problem = group.doubt ?? partialProblem(group) ?? damageProblem(group);
    if (!problem) return [];
    return [[type, { type, ok: false, reason: problem.reason, message: problem.message }] as const];
  });
  return [...new Map(standings).values()];
}

/** An Event for each standing that is news against the conditions of the object. */
function tellChanges(nls: NodeLocalStorage, standings: readonly Standing[], record: RecordEvent): void {
  const about = subjectOf(NODE_LOCAL_STORAGES, nls.metadata);
  for (const { type, ok, reason, message } of standings) {
    const before = nls.status?.conditions?.find((condition) => condition.type === type);
    if (before?.reason === reason && before.message === message) continue;
    record(about, { type: ok ? 'Normal' : 'Warning', reason, message: `${type}: ${message}` });
  }
}
