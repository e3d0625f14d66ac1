import type { KubeObject, LocalVolume, NodeLocalStorage } from '../model/objects.ts';
import { KEEP, NODE_LABEL } from '../model/well-known.ts';
import { KeyedMutex } from '../daemon/keyed-mutex.ts';
import type { Log } from '../daemon/log.ts';
import { repeat } from '../daemon/repeat.ts';
import type { PublishedLimits } from '../csi/node/published-limits.ts';
import type { KubeClient } from '../kube/client.ts';
import { withoutManagedFields } from '../kube/rest/managed-fields.ts';
import { createInformer, type Informer } from '../kube/follow/informer.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import { createWorkQueue, type WorkQueue } from '../kube/work/work-queue.ts';
import type { AgentConfig } from './config.ts';
import { createCutTries } from './storage/stale-marks.ts';
import type { RecordEvent } from './events/record-event.ts';
import { createLostInlineVolumes } from './volumes/lost-inline-volumes.ts';
import type { AgentMetrics } from './metrics.ts';
import { createLimits, NO_LIMITS, type Limits } from './limits/limits.ts';
import { observe } from './storage/observe.ts';
import type { Ports } from './ports.ts';
import { isSettled, reconcileVolume } from './volumes/reconcile-volume.ts';
import { createStatusReporter } from './storage/report-status.ts';
import { findSuspects } from './volumes/changed-volumes.ts';
import { syncNode } from './storage/sync-node.ts';
import { createWatchedFolders } from './limits/watched-folders.ts';
import { createVolumeWriter, type VolumeWriter } from './volumes/write-volume.ts';

export interface WorkDeps {
  readonly config: Pick<AgentConfig, 'nodeName' | 'intervalMs' | 'pattern' | 'mountRoot'>;
  readonly client: KubeClient;
  readonly ports: Ports;
  readonly metrics: AgentMetrics;
  readonly record: RecordEvent;
  readonly log: Log;
}

/** What an agent does by itself, apart from answering CSI calls. */
export interface Work {
  readonly volumes: Informer<LocalVolume, LocalVolume>;
  readonly write: VolumeWriter;
  readonly limits: PublishedLimits;
  /** Why it cannot do its work now; undefined while it can. */
  readonly problem: () => string | undefined;
  /** Follows the API server and works until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

const NODE_KEY = 'node';
const LIMITS_KEY = 'limits';
const INLINE_KEY = 'inline';
/** Volumes of different groups are worked on side by side; within a group there is a lock. */
const VOLUMES_AT_ONCE = 4;
/** Erasing takes its time, and keeps no other work waiting; more would only take turns on the same disks. */
const REMOVALS_AT_ONCE = 2;
/**
 * Volumes that come together share one report: each carries all volumes of the node. That a volume is ready, for which somebody waits, is told
 * first. Nothing is promised twice meanwhile: what was made is counted by its LocalVolume, and what was removed by the last report.
 */
const GATHER_MS = 500;
/** A heartbeat costs a write to the API server from every node. */
const HEARTBEAT_MS = 300_000;

/** Ties what is heard from the API server to the node's two kinds of work: looking after its storage, and after its volumes. */
export function createWork(deps: WorkDeps): Work {
  const { config, client, metrics, log } = deps;
  const { nodeName } = config;
  const node = createInformer<NodeLocalStorage, NodeLocalStorage>({
    client,
    resource: NODE_LOCAL_STORAGES,
    selection: { fieldSelector: `metadata.name=${nodeName}` },
    project: withoutManagedFields,
    log,
  });
  const volumes = createInformer<LocalVolume, LocalVolume>({
    client,
    resource: LOCAL_VOLUMES,
    selection: { labelSelector: `${NODE_LABEL}=${nodeName}` },
    project: (volume) => serveWhileKept(withoutManagedFields(volume)),
    log,
  });
  const write = createVolumeWriter(client, (volume) => volumes.wrote(volume));
  const limits = createLimitsOf(deps, volumes.values, () => queues.limits.add(LIMITS_KEY));
  const queues = createQueues({ ...deps, write, limits }, node, volumes);
  metrics.watch(volumes.values, queues);

  node.subscribe({
    changed: (now, before) => {
      if (asksForMore(now, before)) queues.node.add(NODE_KEY);
    },
  });
  volumes.subscribe({
    changed: (volume, before) => {
      if (JSON.stringify(volume.spec.limits) !== JSON.stringify(before?.spec.limits)) queues.limits.add(LIMITS_KEY);
      if (volume.spec.nodeName === nodeName && !isSettled(volume)) queues.volumes.add(volume.metadata.name ?? '');
    },
  });

  return {
    volumes,
    write,
    limits,
    problem: () => problemOf(node) ?? problemOf(volumes),
    run: async (signal) => {
      const tick = (): void => {
        queues.node.add(NODE_KEY);
        queues.limits.add(LIMITS_KEY);
        queues.inline.add(INLINE_KEY);
      };
      const following = [node.run(signal), volumes.run(signal)];
      await Promise.all([node.whenSynced(signal), volumes.whenSynced(signal)]).catch(() => {});
      const working = Object.values(queues).map((queue) => queue.run(signal));
      const watching = deps.ports.disks
        .watch(() => queues.node.add(NODE_KEY), signal)
        .catch((err: unknown) => {
          log.warn({ err }, 'disks that come and go are seen from time to time only');
        });
      await Promise.all([...following, ...working, watching, repeat(config.intervalMs, tick, () => {}, signal)]);
    },
  };
}

/** While its data is held, a deleted volume is made, grown and mounted as ever; removing it begins when it is let go. */
function serveWhileKept(volume: LocalVolume): LocalVolume {
  const { deletionTimestamp, ...metadata } = volume.metadata;
  return deletionTimestamp !== undefined && metadata.annotations?.[KEEP] ? { ...volume, metadata } : volume;
}

/** A change of the status alone is our own doing. */
const asksForMore = (now: NodeLocalStorage, before: NodeLocalStorage | undefined): boolean =>
  before === undefined ||
  now.metadata.uid !== before.metadata.uid ||
  JSON.stringify([now.spec, now.metadata.annotations]) !== JSON.stringify([before.spec, before.metadata.annotations]);

function problemOf(informer: Pick<Informer<KubeObject, unknown>, 'health'>): string | undefined {
  const { synced, lastError } = informer.health();
  return synced ? undefined : (lastError ?? 'the API server has not told everything yet');
}

type Queues = Readonly<Record<'node' | 'volumes' | 'removals' | 'limits' | 'inline', WorkQueue>>;

function createQueues(
  deps: WorkDeps & { readonly write: VolumeWriter; readonly limits: Limits },
  node: Informer<NodeLocalStorage, NodeLocalStorage>,
  volumes: Informer<LocalVolume, LocalVolume>,
): Queues {
  const { config, ports, metrics, log } = deps;
  const suspects = new Set<string>();
  const look = (signal: AbortSignal) => observe({ ...ports, mountRoot: config.mountRoot }, signal);
  const shared = { ...deps, ...ports, locks: new KeyedMutex(), observe: look };
  const syncDeps = {
    ...shared,
    ...reporting(deps, node),
    pattern: config.pattern,
    mountRoot: config.mountRoot,
    ownerOf: ownerAmong(volumes.values),
    isOver: createCutTries(ports.boot, () => performance.now()),
  };
  const volumeDeps = { ...shared, onChange: () => nodeQueue.addAfter(NODE_KEY, GATHER_MS) };

  const nodeQueue = createWorkQueue({
    name: 'node',
    log,
    reconcile: async (_, signal) => {
      const nls = node.get(config.nodeName);
      if (!nls) return; // made by the operator; its event brings us back
      const observation = await metrics.timed(() => syncNode(nls, syncDeps, signal));
      metrics.onObservation(observation);
      for (const name of findSuspects(volumes.values.values(), observation)) {
        suspects.add(name);
        volumeQueue.add(name);
      }
    },
  });
  /** A volume is worked on in one of the two queues at a time, whichever its name was put into. */
  const reconcile = async (name: string, isRemoval: boolean, signal: AbortSignal): Promise<void> => {
    const volume = volumes.get(name);
    if (!volume || (isSettled(volume) && !suspects.has(name))) return;
    const isLeaving = volume.metadata.deletionTimestamp !== undefined;
    if (isLeaving !== isRemoval) return (isLeaving ? removals : volumeQueue).add(name);
    suspects.delete(name);
    await reconcileVolume(volume, volumeDeps, signal);
  };
  const volumeQueue = createWorkQueue({
    name: 'volumes',
    log,
    concurrency: VOLUMES_AT_ONCE,
    reconcile: (name, signal) => reconcile(name, false, signal),
  });
  const removals = createWorkQueue({
    name: 'removals',
    log,
    concurrency: REMOVALS_AT_ONCE,
    reconcile: (name, signal) => reconcile(name, true, signal),
  });
  const removeLost = createLostInlineVolumes({ ...shared, volumes: volumes.values });
  const inline = createWorkQueue({ name: 'inline', log, reconcile: (_, signal) => removeLost(signal) });
  return { node: nodeQueue, volumes: volumeQueue, removals, limits: createLimitsQueue(deps), inline };
}

function createLimitsOf(deps: WorkDeps, volumes: ReadonlyMap<string, LocalVolume>, onSet: () => void): Limits {
  const { throttles, ...ports } = deps.ports;
  return throttles ? createLimits({ ...deps, ...ports, throttles, volumes, onSet }) : NO_LIMITS;
}

function createLimitsQueue({ limits, log }: { readonly limits: Limits; readonly log: Log }): WorkQueue {
  const watched = createWatchedFolders(() => queue.add(LIMITS_KEY));
  const queue = createWorkQueue({
    name: 'limits',
    log,
    reconcile: async (_, signal) => {
      await limits.enforce(signal);
      watched.set(await limits.folders(signal), signal);
    },
  });
  return queue;
}

function reporting({ config, client }: WorkDeps, node: Informer<NodeLocalStorage, NodeLocalStorage>) {
  const now = Date.now;
  const write = createStatusReporter({ client, name: config.nodeName, heartbeatMs: HEARTBEAT_MS, now });
  const report = async (...status: Parameters<typeof write>): Promise<void> => {
    const written = await write(...status);
    if (written) node.wrote(written);
  };
  return { now, report };
}

const ownerAmong =
  (volumes: ReadonlyMap<string, LocalVolume>) =>
  (path: string): string | undefined =>
    [...volumes.values()].find(({ spec, status }) => isUnit(spec) && (status?.devicePath ?? spec.path) === path)
      ?.metadata.name;

const isUnit = ({ kind }: LocalVolume['spec']): boolean => kind !== 'LVM';
