import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { Gate } from '../daemon/gate.ts';
import { Gates } from '../daemon/gates.ts';
import { KeyedMutex } from '../daemon/keyed-mutex.ts';
import type { Log } from '../model/log.ts';
import { nodeLabelOf } from '../model/node-label.ts';
import { NODE_LABEL } from '../model/well-known.ts';
import { systemClock } from '../wait/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { find } from '../kube/find.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import type { GroupDoubt } from '../lvm/report.ts';
import type { Informer } from '../kube/follow/informer.ts';
import type { Tracer } from '../trace/tracer.ts';
import type { AgentConfig } from './config.ts';
import type { RecordEvent } from './events/record-event.ts';
import type { Limits } from './limits/limits.ts';
import { createWatchedFolders } from './limits/watched-folders.ts';
import type { AgentMetrics } from './metrics.ts';
import type { Ports } from './ports.ts';
import type { Job, Queues } from './queues.ts';
import type { Registered } from './registered.ts';
import { observe, type Observation } from './storage/observe.ts';
import type { DiskHealth } from './storage/disk-health.ts';
import type { Gathering } from './gathering.ts';
import { hostReport } from './storage/host-report.ts';
import { createFormatMarks } from './storage/format-marks.ts';
import { createStatusReporter } from './storage/report-status.ts';
import { createSharedGroups, type SharedGroups } from './storage/shared-groups.ts';
import { createCutTries } from './storage/stale-marks.ts';
import { syncNode } from './storage/sync-node.ts';
import { findSuspects } from './volumes/changed-volumes.ts';
import { copyVolume } from './volumes/copy-volume.ts';
import type { RunningCopies } from './volumes/running-copies.ts';
import { createDisksElsewhere, type DisksElsewhere } from './volumes/disk-of-two-nodes.ts';
import { traceOriginOf } from './volumes/trace-origin.ts';
import { createStrayVolumes, objectsIn, type StrayVolumes } from './volumes/stray-volumes.ts';
import { createLostInlineVolumes } from './volumes/lost-inline-volumes.ts';
import { readersOf } from './volumes/plan-snapshot.ts';
import { isSettled } from './volumes/is-settled.ts';
import { reconcileVolume } from './volumes/reconcile-volume.ts';
import { createTurns } from './volumes/settle-together.ts';
import { ownerAmong } from './volumes/unit-owner.ts';
import { createFillWatch } from './volumes/watch-fill.ts';
import type { Turns } from './volumes/volume-deps.ts';
import type { OnBroken, VolumeWriter } from './volumes/write-volume.ts';

export interface JobsDeps {
  readonly config: Pick<AgentConfig, 'nodeName' | 'pattern' | 'mountRoot' | 'kubeletDir'>;
  readonly client: KubeClient;
  readonly ports: Ports;
  /** Of this program. */
  readonly version: string;
  readonly metrics: AgentMetrics;
  readonly record: RecordEvent;
  readonly log: Log;
  readonly node: Informer<NodeLocalStorage, NodeLocalStorage>;
  readonly volumes: Informer<LocalVolume, LocalVolume>;
  readonly write: VolumeWriter;
  readonly onBroken: OnBroken;
  readonly limits: Limits;
  readonly queues: Queues;
  /** Absent: no kubelet is asked to register the driver. */
  readonly registered?: Pick<Registered, 'standings'> | undefined;
  readonly copies: RunningCopies;
  /** Absent: nothing is real. */
  readonly health?: DiskHealth | undefined;
  readonly tracer: Tracer;
  readonly gathering: Gathering;
}

/** The keys of the queues that have one only. */
export const NODE_KEY = 'node';
export const LIMITS_KEY = 'limits';
export const FILL_KEY = 'fill';
export const INLINE_KEY = 'inline';

/** Erasing takes its time; more of one group would only take turns on the same disks. */
const ERASED_AT_ONCE = { ofOneKey: 2, inAll: 8 };
/** Each of them looks at the whole node. */
const APART_AT_ONCE = 4;
/** Between the two looks that it takes to call a volume stray: an object that went meanwhile is heard of by then. */
const SECOND_LOOK_MS = 2000;
/** A heartbeat costs a write to the API server from every node. */
const HEARTBEAT_MS = 300_000;

/** What is done with the keys of each queue. */
export function createJobs(deps: JobsDeps): Readonly<Record<keyof Queues, Job>> {
  const { config, volumes } = deps;
  const locks = new KeyedMutex();
  const findVolume = (name: string, signal: AbortSignal) => find(deps.client, LOCAL_VOLUMES, { name }, signal);
  const known = { hasObject: objectsIn(volumes.values), nodeName: config.nodeName, find: findVolume };
  const sharedGroups = createSharedGroups({
    ...known,
    findNode: (name, signal) => find(deps.client, NODE_LOCAL_STORAGES, { name }, signal),
    told: () => namesTold(deps.node.get(config.nodeName), 'SharedGroup'),
  });
  const { lvm } = deps.ports;
  const report = async (signal: AbortSignal) => sharedGroups.mark(await lvm.report(signal));
  const ports = { ...deps.ports, lvm: { ...lvm, report } };
  const shared: Shared = {
    ...deps,
    ...ports,
    ports,
    sharedGroups,
    locks,
    turns: createTurns(locks),
    erasing: new Gates(ERASED_AT_ONCE),
    apart: new Gate(APART_AT_ONCE),
    observe: (signal) => observe({ ...ports, mountRoot: config.mountRoot }, signal),
    suspects: new Set<string>(),
    running: deps.copies,
    disksElsewhere: createDisksElsewhere(deps.client, config.nodeName),
    strays: createStrayVolumes({ ...known, label: `${NODE_LABEL}=${nodeLabelOf(config.nodeName)}` }),
    leavingStrays: new Map<string, LocalVolume>(),
  };
  const removeLost = createLostInlineVolumes({ ...shared, volumes: volumes.values, kubeletDir: config.kubeletDir });
  // A key is added by work that may be part of a trace; what is done for it is not.
  const apart =
    (job: Job): Job =>
    (key, signal) =>
      deps.tracer.outside(() => job(key, signal));
  return {
    node: apart(nodeJob(shared)),
    volumes: apart(volumeJob(shared, 'volumes')),
    copies: apart(copyJob(shared)),
    removals: apart(volumeJob(shared, 'removals')),
    limits: apart(limitsJob(deps)),
    fill: apart(fillJob(shared)),
    inline: apart((_, signal) => removeLost(signal)),
  };
}

/** The work on a volume as a span. */
const traced = <T>(name: string, volume: LocalVolume, { tracer }: Pick<JobsDeps, 'tracer'>, work: () => Promise<T>) =>
  tracer.enter(
    { name: `${name} LocalVolume`, attributes: { volume: volume.metadata.name }, ...traceOriginOf(volume) },
    work,
  );

type Shared = JobsDeps &
  Ports & {
    readonly locks: KeyedMutex;
    readonly turns: Turns;
    readonly erasing: Gates;
    readonly apart: Gate;
    readonly observe: (signal: AbortSignal) => ReturnType<typeof observe>;
    /** Names of volumes that are not as their objects say, and are to be looked at though nothing was asked. */
    readonly suspects: Set<string>;
    readonly running: RunningCopies;
    readonly disksElsewhere: DisksElsewhere;
    readonly strays: StrayVolumes;
    readonly sharedGroups: SharedGroups;
    /** The strays that are to be removed, by name. */
    readonly leavingStrays: Map<string, LocalVolume>;
  };

function nodeJob(shared: Shared): Job {
  const { config, ports, metrics, node, volumes, suspects, strays, sharedGroups, leavingStrays, queues } = shared;
  const syncDeps = {
    ...shared,
    ...reporting(shared),
    pattern: config.pattern,
    mountRoot: config.mountRoot,
    hostReport: async (observation: Observation, signal: AbortSignal) =>
      hostReport(shared.version, await ports.host?.read(signal), observation),
    ownerOf: ownerAmong(volumes.values),
    failingDisks: async (...asked: Parameters<DiskHealth['look']>) => (await shared.health?.look(...asked)) ?? [],
    moreStandings: ({ groups }: Observation) => {
      strays.look(groups);
      return [...strays.standings(), ...(shared.registered?.standings() ?? [])];
    },
    marks: createFormatMarks({
      client: shared.client,
      nodeName: config.nodeName,
      heard: () => node.get(config.nodeName),
      wrote: (nls) => node.wrote(nls),
    }),
    isOver: createCutTries(ports.boot, () => performance.now()),
  };
  return async (_, signal) => {
    const nls = node.get(config.nodeName);
    if (!nls) return; // made by the operator; its event brings us back
    const started = performance.now();
    const observation = await metrics.timed(() => syncNode(nls, syncDeps, signal));
    shared.gathering.took(performance.now() - started);
    metrics.onObservation(observation);
    for (const name of findSuspects(volumes.values.values(), observation)) {
      suspects.add(name);
      queues.volumes.add(name);
    }
    sharedGroups.look(observation.groups);
    if (await sharedGroups.ask(signal)) queues.node.add(NODE_KEY);
    await strays.ask(signal);
    if (strays.isUnsure()) queues.node.addAfter(NODE_KEY, SECOND_LOOK_MS);
    leavingStrays.clear();
    for (const stray of strays.toRemove(nls)) {
      leavingStrays.set(stray.metadata.name ?? '', stray);
      queues.removals.add(stray.metadata.name ?? '');
    }
  };
}

/** The volume groups of which the node's conditions tell this. */
const namesTold = (nls: NodeLocalStorage | undefined, why: GroupDoubt['reason']): ReadonlySet<string> =>
  new Set(
    (nls?.status?.conditions ?? []).flatMap(({ type, reason }) =>
      reason === why && type.startsWith(OF_GROUP) ? [type.slice(OF_GROUP.length)] : [],
    ),
  );

const OF_GROUP = 'VolumeGroup/';

/** A volume is worked on in one of the two queues at a time, whichever its name was put into. */
function volumeJob(shared: Shared, own: 'volumes' | 'removals'): Job {
  const { volumes, suspects, strays, leavingStrays, queues, running } = shared;
  const deps = {
    ...shared,
    others: volumes.values,
    onChange: () => queues.node.addAfter(NODE_KEY, shared.gathering.waitMs()),
    fillLater: async (volume: LocalVolume, signal: AbortSignal) => {
      queues.copies.add(volume.metadata.name ?? '');
      if (!running.isBusy() || volume.status?.reason !== undefined) return;
      await shared.write.copying(volume, { reason: 'Copying', message: 'Waits until another copy has ended.' }, signal);
    },
  };
  return async (name, signal) => {
    const known = volumes.get(name);
    const volume = known ?? leavingStrays.get(name);
    if (!volume || (isSettled(volume) && !suspects.has(name))) return;
    const right = volume.metadata.deletionTimestamp === undefined ? 'volumes' : 'removals';
    if (right !== own) return queues[right].add(name);
    if (right === 'removals') await running.stop(name);
    else if (running.has(name)) return; // it is looked at when the copy has ended
    suspects.delete(name);
    if (known) await traced('reconcile', known, shared, () => reconcileVolume(known, deps, signal));
    else if (await strays.isNobodys(volume, signal))
      await reconcileVolume(volume, { ...deps, write: strays.write }, signal);
  };
}

function fillJob(shared: Shared): Job {
  const { volumes, suspects, queues } = shared;
  const onOverflow = (name: string): void => {
    for (const concerned of [name, ...readersOf(name, volumes.values)]) {
      suspects.add(concerned);
      queues.volumes.add(concerned);
    }
  };
  const look = createFillWatch({ ...shared, volumes: volumes.values, onOverflow, now: () => performance.now() });
  return (_, signal) => look(signal);
}

/** One that was stopped, since its volume is removed, is not tried again. */
function copyJob(shared: Shared): Job {
  const { volumes, queues, running } = shared;
  const deps = {
    ...shared,
    clock: systemClock,
    heard: (name: string) => volumes.get(name),
    onChange: () => queues.node.addAfter(NODE_KEY, shared.gathering.waitMs()),
  };
  return async (name, signal) => {
    const volume = volumes.get(name);
    if (!volume || volume.metadata.deletionTimestamp !== undefined) return;
    const copy = (own: AbortSignal) => traced('copy', volume, shared, () => copyVolume(volume, deps, own));
    const outcome = await running.run(name, copy, signal);
    if (outcome !== 'waits') queues.volumes.add(name);
  };
}

function limitsJob({ limits, queues }: Pick<JobsDeps, 'limits' | 'queues'>): Job {
  const watched = createWatchedFolders(() => queues.limits.add(LIMITS_KEY));
  return async (_, signal) => {
    await limits.enforce(signal);
    watched.set(await limits.folders(signal), signal);
  };
}

function reporting({ config, client, node }: JobsDeps) {
  const now = Date.now;
  const write = createStatusReporter({ client, name: config.nodeName, heartbeatMs: HEARTBEAT_MS, now });
  const report = async (...status: Parameters<typeof write>): Promise<void> => {
    const written = await write(...status);
    if (written) node.wrote(written);
  };
  return { now, report };
}
