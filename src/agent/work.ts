import type { LocalVolume } from '../model/local-volume.ts';
import type { KubeObject, NodeLocalStorage } from '../model/objects.ts';
import { copySourceId } from '../model/copies.ts';
import type { Log } from '../model/log.ts';
import { repeat } from '../daemon/repeat.ts';
import type { PublishedLimits } from '../csi/node/published-limits.ts';
import type { KubeClient } from '../kube/client.ts';
import { LOCAL_VOLUMES } from '../kube/resource.ts';
import { subjectOf } from '../kube/subject.ts';
import type { Informer } from '../kube/follow/informer.ts';
import { askNowAndThen } from './ask-disks.ts';
import type { Tracer } from '../trace/tracer.ts';
import type { AgentConfig } from './config.ts';
import type { RecordEvent } from './events/record-event.ts';
import { createGathering } from './gathering.ts';
import { createJobs, FILL_KEY, INLINE_KEY, LIMITS_KEY, NODE_KEY } from './jobs.ts';
import { createLimits, NO_LIMITS, type Limits } from './limits/limits.ts';
import type { AgentMetrics } from './metrics.ts';
import type { OwnObjects } from './own-objects.ts';
import type { Ports } from './ports.ts';
import { createQueues, type Queues } from './queues.ts';
import type { Registered } from './registered.ts';
import { createDiskHealth, type DiskHealth } from './storage/disk-health.ts';
import { isSettled } from './volumes/is-settled.ts';
import { placeOf } from './volumes/place-of.ts';
import { partnersOf } from './volumes/plan-group-snapshot.ts';
import { isFilling } from './volumes/watch-fill.ts';
import { createRunningCopies } from './volumes/running-copies.ts';
import { notingReleases } from './volumes/noting-releases.ts';
import { createVolumeWriter, type OnBroken, type VolumeWriter, type VolumeWriterDeps } from './volumes/write-volume.ts';

export interface WorkDeps {
  readonly config: Pick<
    AgentConfig,
    'nodeName' | 'intervalMs' | 'snapshotIntervalMs' | 'pattern' | 'mountRoot' | 'kubeletDir'
  >;
  readonly client: KubeClient;
  readonly ports: Ports;
  /** Of this program. */
  readonly version: string;
  readonly objects: OwnObjects;
  readonly metrics: AgentMetrics;
  readonly record: RecordEvent;
  readonly log: Log;
  readonly tracer: Tracer;
  /** As of JobsDeps. */
  readonly registered?: Registered | undefined;
}

/** What an agent does by itself, apart from answering CSI calls. */
export interface Work {
  readonly write: VolumeWriter;
  readonly limits: PublishedLimits;
  /** Why it cannot do its work now; undefined while it can. */
  readonly problem: () => string | undefined;
  /** Follows the API server and works until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

const heardAndWrote = (volumes: OwnObjects['volumes']): Pick<VolumeWriterDeps, 'heard' | 'wrote'> => ({
  heard: (name) => volumes.get(name),
  wrote: (volume) => volumes.wrote(volume),
});

/**
 * Ties what is heard from the API server to the node's two kinds of work: looking after its storage, and after its
 * volumes.
 */
export function createWork(deps: WorkDeps): Work {
  const { config, client, metrics, log, objects } = deps;
  const { node, volumes } = objects;
  const queues = createQueues(log, (name) => placeIn(volumes, name));
  const onBroken = tellBroken(deps);
  const { write, wasReleased } = notingReleases(createVolumeWriter({ client, onBroken, ...heardAndWrote(volumes) }));
  const limits = createLimitsOf(deps, volumes.values, () => queues.limits.add(LIMITS_KEY));
  const copies = createRunningCopies();
  const health = healthOf(deps);
  const gathering = createGathering();
  const jobs = createJobs({ ...deps, node, volumes, write, onBroken, limits, queues, copies, health, gathering });
  metrics.watch(volumes.values, queues, health);

  const lookAtOthers = (volume: LocalVolume): void => {
    for (const name of concernedBy(volume, volumes.values)) queues.volumes.add(name);
  };
  whenMoreIsAsked(node, () => queues.node.add(NODE_KEY));
  volumes.subscribe({
    changed: (volume, before) => {
      for (const name of broughtBack(volume, before, volumes.values)) queues.volumes.add(name);
      if (JSON.stringify(volume.spec.limits) !== JSON.stringify(before?.spec.limits)) queues.limits.add(LIMITS_KEY);
      if (volume.spec.nodeName === config.nodeName && !isSettled(volume))
        queues.volumes.add(volume.metadata.name ?? '');
      else lookAtOthers(volume); // a copy that is whole reads no more, and one may be made of a snapshot that is there
    },
    deleted: (volume) => {
      lookAtOthers(volume);
      // What it spoke of may be there still, unless it was removed here.
      if (!wasReleased(volume)) queues.node.addAfter(NODE_KEY, gathering.waitMs());
      void copies.stop(volume.metadata.name ?? '');
    },
  });

  return {
    write,
    limits,
    problem: () => problemOf(node) ?? problemOf(volumes),
    run: async (signal) => {
      const tick = (): void => {
        queues.node.add(NODE_KEY);
        queues.limits.add(LIMITS_KEY);
        queues.inline.add(INLINE_KEY);
      };
      await resumeLeft(deps, signal);
      const following = [node.run(signal), volumes.run(signal)];
      await Promise.all([node.whenSynced(signal), volumes.whenSynced(signal)]).catch(() => {});
      const working = (Object.keys(jobs) as (keyof Queues)[]).map((name) => queues[name].run(jobs[name], signal));
      const look = (): void => {
        if ([...volumes.values.values()].some(isFilling)) queues.fill.add(FILL_KEY);
      };
      const looking = [
        repeat(config.intervalMs, tick, () => {}, signal),
        repeat(config.snapshotIntervalMs, look, () => {}, signal),
        askNowAndThen(health, { onNews: () => queues.node.add(NODE_KEY), log }, signal),
        watchDisks(deps, () => queues.node.add(NODE_KEY), signal),
      ];
      await Promise.all([...following, ...working, ...looking]);
    },
  };
}

const healthOf = ({ config, ports, log }: WorkDeps): DiskHealth | undefined =>
  ports.signs && createDiskHealth({ node: config.nodeName, signs: ports.signs, log, now: () => performance.now() });

async function watchDisks({ ports, log }: WorkDeps, onChange: () => void, signal: AbortSignal): Promise<void> {
  try {
    await ports.disks.watch(onChange, signal);
  } catch (err) {
    log.warn({ err }, 'disks that come and go are seen from time to time only');
  }
}

/** Whoever writes to a stopped volume waits: not for the API server, too. */
async function resumeLeft({ ports, log }: WorkDeps, signal: AbortSignal): Promise<void> {
  try {
    await ports.lvm.resumeLeft(signal);
  } catch (err) {
    log.warn({ err }, 'volumes that were stopped for a group snapshot wait until the node is looked at');
  }
}

const placeIn = (volumes: OwnObjects['volumes'], name: string): string => {
  const volume = volumes.get(name);
  return volume ? placeOf(volume) : '';
};

/** Tells of a record that cannot be: an Event, a log line, a metric. */
const tellBroken =
  ({ metrics, log, record }: WorkDeps): OnBroken =>
  ({ metadata }, what) => {
    metrics.onBroken();
    log.error({ volume: metadata.name ?? '', action: what }, 'the record of a volume breaks a rule');
    const message = `The record of the volume breaks a rule: ${what}.`;
    record(subjectOf(LOCAL_VOLUMES, metadata), { type: 'Warning', reason: 'RuleBroken', message });
  };

/** Sources that may wait until it needs them no more, to be removed or to grow; and copies that may wait for it. */
function concernedBy({ spec, metadata }: LocalVolume, volumes: ReadonlyMap<string, LocalVolume>): readonly string[] {
  const sources = [spec.source?.volume ?? '', spec.source?.snapshot ?? ''].flatMap((name) => volumes.get(name) ?? []);
  const isMadeOfIt = (each: LocalVolume): boolean => copySourceId(each) === metadata.name;
  const copies = spec.role === 'Snapshot' ? [...volumes.values()].filter(isMadeOfIt) : [];
  return [...sources, ...copies].filter((each) => !isSettled(each)).map((each) => each.metadata.name ?? '');
}

/**
 * Parts of a group snapshot: the first takes all, once the last is asked for, and the others are looked at when it is
 * there.
 */
function broughtBack(
  volume: LocalVolume,
  before: LocalVolume | undefined,
  volumes: ReadonlyMap<string, LocalVolume>,
): readonly string[] {
  const [first, ...others] = partnersOf(volume, volumes);
  if (first === undefined) return [];
  const isFirst = first.metadata.name === volume.metadata.name;
  const concerned = isFirst ? (isSettled(volume) ? others : []) : before === undefined ? [first] : [];
  return concerned.filter((one) => !isSettled(one)).map(({ metadata }) => metadata.name ?? '');
}

function whenMoreIsAsked(node: WorkDeps['objects']['node'], look: () => void): void {
  node.subscribe({
    changed: (now, before) => {
      if (asksForMore(now, before)) look();
    },
  });
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

function createLimitsOf(deps: WorkDeps, volumes: ReadonlyMap<string, LocalVolume>, onSet: () => void): Limits {
  const { throttles, ...ports } = deps.ports;
  return throttles ? createLimits({ ...deps, ...ports, throttles, volumes, onSet }) : NO_LIMITS;
}
