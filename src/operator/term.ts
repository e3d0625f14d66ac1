import { Ledger, type LedgerPolicy } from '../capacity/ledger.ts';
import { background } from '../daemon/background.ts';
import { runComponents, type Component } from '../daemon/lifecycle.ts';
import type { StandbyServer } from '../csi/standby-server.ts';
import type { SetLogLevel } from '../daemon/log.ts';
import type { Log } from '../model/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder, type EventRecorder } from '../kube/events/events.ts';
import { driversOf, podFacts } from '../model/decode.ts';
import type { Pod } from '../model/objects.ts';
import { present } from '../model/present.ts';
import { systemClock, type Clock } from '../wait/clock.ts';
import { LOG_LEVEL, OPERATOR } from '../model/well-known.ts';
import type { Tracer } from '../trace/tracer.ts';
import { createCapacityPublisher } from './capacity-objects/publish-capacity.ts';
import type { OperatorConfig } from './config.ts';
import { createCollectOnce } from './collect-once.ts';
import { checkLedger } from './follow/check-ledger.ts';
import { deafTo } from './follow/deaf.ts';
import { feedLedger } from './follow/feed-ledger.ts';
import { createSilentNodes, type CountedStorages } from './follow/silent-nodes.ts';
import { allSynced, createInformers, followAll, notSynced, type Informers } from './follow/informers.ts';
import { onRegisteredNodes } from './follow/registered-nodes.ts';
import { followSnapshots, type SnapshotInformers } from './follow/snapshot-sources.ts';
import { createTopology } from './follow/topology.ts';
import type { Sources } from './metrics/gauges.ts';
import type { OperatorMetrics } from './metrics/metrics.ts';
import { tellNotUnderstood } from './nodes/not-understood.ts';
import { watchDefinitions } from './nodes/old-definitions.ts';
import { createNodeReconciler } from './nodes/reconcile-node.ts';
import { expireHolds } from './scheduling/expire-holds.ts';
import { extenderParts, pageParts } from './extender-parts.ts';
import { createPageSource } from './page/page-source.ts';
import type { PageSource } from '../page/source.ts';
import { createScheduling } from './scheduling/scheduling.ts';
import { createWaitingPods } from './scheduling/waiting-pods.ts';
import { createAdopter } from './volumes/adopt-volumes.ts';
import { createCsiComponent } from './volumes/csi-component.ts';
import { growStores } from './volumes/grow-stores.ts';
import { putKeepBack } from './volumes/kept-marks.ts';
import { letGoOfLostVolumes } from './volumes/let-go-lost.ts';
import { createNeededData, type NeededData } from './volumes/needed-data.ts';
import { keepVolumeMarks } from './volumes/volume-marks.ts';
import { watchUnseenVolumes } from './volumes/unseen-volumes.ts';
import { watchVolumesOfNobody } from './volumes/volumes-of-nobody.ts';
import { tellOverflow } from './volumes/tell-overflow.ts';
import { removeOrphanSnapshots } from './volumes/orphan-snapshots.ts';
import { keepDeletedData } from './volumes/keep-data.ts';
import { createRefusedClaims, type RefusedClaims } from './waiting/refused-claims.ts';
import { tellWaiting } from './waiting/tell-waiting.ts';
import { createSnapshotContents, type SnapshotContents } from './follow/snapshot-contents.ts';
import { removeCloneSnapshots } from './volumes/clone-snapshots.ts';

export interface TermDeps {
  readonly client: KubeClient;
  /** The replica's CSI socket; absent: it has none. */
  readonly csi: StandbyServer | undefined;
  readonly log: Log;
  /** Called with what the NodeLocalStorageInitConfig asks for; absent: the level stays. */
  readonly setLogLevel?: SetLogLevel;
  /** Called once, when all objects are read and before this replica is ready. */
  readonly collectGarbage?: (() => void) | undefined;
  readonly metrics: OperatorMetrics;
  /** Absent: no trace is made. */
  readonly tracer?: Tracer;
  /** By which pods that wait are told. Absent: the machine's. */
  readonly clock?: Clock;
}

/** One term of leadership: what this replica does from its election until it stops or loses the Lease. */
export interface Term {
  readonly sources: Sources;
  /** What the page shows; undefined where there is none. */
  readonly page: PageSource | undefined;
  /** Why no call can be answered yet; undefined once all can. */
  notReady(): string | undefined;
  /** Serves until aborted; then finishes the calls under way. */
  run(signal: AbortSignal): Promise<void>;
}

/** A part that has not stopped after so many ms is left behind. */
const STOP_MS = 8000;
/** Longer than the report of a new volume takes. */
const UNSEEN_EVERY_MS = 60_000;

/**
 * Wires one term. Everything in it is made anew, above all the ledger: the informers tell it what it must know, and
 * until they have, every call is answered with an error.
 */
export function createTerm(config: OperatorConfig, deps: TermDeps): Term {
  const { log } = deps;
  const cluster = hearCluster(config, deps);
  const { ledger, informers, events, drivers, notReady } = cluster;
  const page = config.pageListen && createPageSource({ ...cluster, now });
  const nodes = createNodeReconciler({
    ...{ client: deps.client, informers, initConfig: config.initConfig, update: config.updateNls, events, log },
    date: () => new Date(),
  });
  const check = {
    ...{ ledger, policy: cluster.policy, informers, storages: cluster.storages, log },
    everyMs: config.checkEveryMs,
    onChecked: deps.metrics.onChecked,
  };
  const garbage = createCollectOnce(informers, deps.collectGarbage);
  const components: Component[] = [
    background('events', (signal) => events.run(signal)),
    background('informers', (signal) => followAll(informers, signal)),
    garbage.component,
    background('storages that count', (signal) => cluster.storages.run(signal)),
    ...callComponents(config, deps, cluster),
    ...pageParts(config, { client: deps.client, notReady, log }),
    ...olderParts(config, deps, cluster),
    ...lookComponents(deps, cluster),
    background('node storage', (signal) => nodes.run(signal)),
    ...dataComponents(config, deps, cluster),
    background('waiting pods', (signal) =>
      tellWaiting({ ...cluster, log, ...(page && { onTold: (pod, told) => page.onTold(pod, told) }) }, signal),
    ),
    background('ledger check', (signal) => checkLedger(check, signal)),
    background('expiry', (signal) =>
      expireHolds({ ledger, holdTtlMs: config.holdTtlMs, onExpired: deps.metrics.onExpired, log, now }, signal),
    ),
  ];
  let isStarted = false;
  const started: Component = {
    name: 'all parts',
    start: async () => {
      isStarted = true;
    },
    stop: async () => {},
  };
  return {
    sources: { ledger, informers, drivers, namespace: config.namespace, queue: () => nodes.stats() },
    page,
    notReady: () => notReady() ?? (isStarted && garbage.isDone() ? undefined : 'its parts are still starting'),
    run: (signal) => runComponents([...components, started], { log, stopMs: STOP_MS }, signal),
  };
}

/** What keeps data from being lost, and lets go of what is. */
function dataComponents({ lostNodeGraceMs: graceMs }: OperatorConfig, deps: TermDeps, cluster: Cluster): Component[] {
  const { client, log, metrics } = deps;
  const { informers, ledger, events, drivers, needed } = cluster;
  const all = { client, informers, events, log };
  const kept = { ...all, needed };
  const stores = { ...all, ledger, onStuck: metrics.onStuckStores };
  const lost = { ...all, clock: systemClock, graceMs, drivers, onLetGo: metrics.onLetGo };
  return [
    background('marks of volumes', (signal) => keepVolumeMarks(all, signal)),
    background('marks that keep data', (signal) => putKeepBack({ ...all, drivers }, signal)),
    background('kept data', (signal) => keepDeletedData(kept, signal)),
    background('stores of snapshots', (signal) => growStores(stores, signal)),
    background('snapshots of clones', (signal) => removeCloneSnapshots(kept, signal)),
    background('lost volumes', (signal) => letGoOfLostVolumes(lost, signal)),
  ];
}

/** What looks from time to time whether something is as it never should be, and tells. */
function lookComponents({ client, log, metrics }: TermDeps, { informers, events }: Cluster): Component[] {
  const unseen = { informers, events, log, everyMs: UNSEEN_EVERY_MS, onLooked: metrics.onUnseen };
  return [
    background('unseen volumes', (signal) => watchUnseenVolumes(unseen, signal)),
    background('volumes of nobody', (signal) => watchVolumesOfNobody({ informers, events, log, now }, signal)),
    background('definitions', (signal) => watchDefinitions({ client, events, log }, signal)),
  ];
}

/** What follows snapshots, and looks after volumes that were made before us. */
function olderParts({ adopt: mode }: OperatorConfig, { client, log }: TermDeps, cluster: Cluster): Component[] {
  const { informers, ledger, drivers, events, needed, topology } = cluster;
  const { volumes } = informers;
  const adopter = createAdopter({ client, informers, topology, drivers, events, log, mode });
  const snapshots = {
    ...{ client, drivers, volumes, ledger, log },
    alongside: async (kinds: SnapshotInformers, signal: AbortSignal): Promise<void> => {
      adopter.followContents(kinds.contents);
      cluster.contents.follow(kinds.contents);
      if (!(await allSynced(informers, signal))) return;
      const told = { client, needed, events, log, drivers, volumes };
      await Promise.all([removeOrphanSnapshots(told, kinds, signal), tellOverflow(told, kinds, signal)]);
    },
  };
  return [
    background('snapshots', (signal) => followSnapshots(snapshots, signal)),
    background('adoption', (signal) => adopter.run(signal)),
  ];
}

/** What a term knows of the cluster, and the one voice with which it speaks there. */
interface Cluster {
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly policy: LedgerPolicy;
  readonly ledger: Ledger;
  readonly informers: Informers;
  /** Storages of nodes as the ledger hears of them. */
  readonly storages: CountedStorages;
  readonly events: EventRecorder;
  readonly notReady: () => string | undefined;
  readonly needed: NeededData;
  readonly topology: ReturnType<typeof createTopology>;
  readonly clock: Clock;
  readonly refused: RefusedClaims;
  readonly contents: SnapshotContents;
}

const now = (): number => performance.now();

/** The ledger subscribes first: whoever hears of an object after it finds it counted. */
function hearCluster(config: OperatorConfig, deps: TermDeps): Cluster {
  const { client, log, setLogLevel, metrics, clock = systemClock } = deps;
  const { driverName, strategy, antiAffinity, holdTtlMs } = config;
  const drivers = driversOf(driverName);
  const onBroken = (what: string): void => {
    log.error({ action: what }, 'the ledger promised more than there is; the promise is taken back');
    metrics.onChecked(0, ['promise']);
  };
  const policy = { strategy, antiAffinity, drivers, holdTtlMs, onBroken };
  const ledger = new Ledger(policy);
  const informers = createInformers({ client, drivers, log });
  const events = createEventRecorder({ client, source: { component: OPERATOR }, log });
  const heardOf = createSilentNodes({
    ...{ storages: informers.storages, silentAfterMs: config.silentAfterMs, events, log },
    now: () => clock.now(),
  });
  const storages = onRegisteredNodes({ client, storages: heardOf, driverName, log });
  feedLedger({ ...informers, storages }, ledger);
  informers.initConfigs.subscribe({
    changed: ({ metadata }) => {
      if (metadata.name === config.initConfig) setLogLevel?.(metadata.annotations?.[LOG_LEVEL]);
    },
  });
  tellNotUnderstood({ informers, drivers, events });
  const needed = createNeededData(informers.volumes);
  const topology = createTopology(informers.nodes);
  const refused = createRefusedClaims(clock);
  const contents = createSnapshotContents({ client, drivers });
  const heard = { drivers, policy, ledger, informers, storages, events, needed, topology, clock, refused, contents };
  return { ...heard, notReady: readiness(informers, ledger) };
}

/** Says what is missing before anything can be answered. The ledger takes up what it finds once nothing is. */
function readiness(informers: Informers, ledger: Pick<Ledger, 'resume'>): () => string | undefined {
  let isResumed = false;
  return () => {
    const missing = notSynced(informers);
    if (missing === undefined && !isResumed) {
      isResumed = true;
      ledger.resume(now());
    }
    return missing;
  };
}

/** The parts that answer calls, and the capacity objects, which say the same to a scheduler that makes none. */
function callComponents(config: OperatorConfig, deps: TermDeps, cluster: Cluster): Component[] {
  const { driverName, namespace, extenderListen } = config;
  const { client, log, metrics, csi: server } = deps;
  const { drivers, ledger, informers, storages, topology, notReady } = cluster;
  const traced = present({ tracer: deps.tracer });
  const waiting = createWaitingPods(informers.pods, now);
  const components: Component[] = [];
  if (server) {
    const capacity = createCapacityPublisher({
      ...{ client, ledger, informers, topology, driverName, namespace, log, now },
      isAwaited: () => waiting.any(),
    });
    const csi = createCsiComponent({
      ...{ server, client, drivers, ledger, informers, storages, topology },
      ...{ contents: cluster.contents, needed: cluster.needed, notReady, now, ...traced },
      // A scheduler that does not ask the extender must not choose the same full node again.
      onRefused: (ask) => capacity.refused(ask),
      onClaimRefused: ({ claim: { namespace, name }, words }) => cluster.refused.note(`${namespace}/${name}`, words),
    });
    components.push(
      csi,
      background('capacity', (signal) => capacity.run(signal)),
    );
  }
  if (extenderListen) {
    const scheduling = createScheduling({
      ...{ ledger, client, drivers, notReady, now },
      onFilter: (uid, fits) => waiting.asked(uid, fits),
      heard: (pod) => informers.pods.get(pod),
      deafToClaims: () => deafTo(informers.claims.health()),
      scoresEveryPod: Object.values(config.antiAffinity).some((weight) => weight > 0),
    });
    const calls = {
      ...{ scheduling, decodePod: (pod: Pod) => podFacts(pod, drivers), onCall: metrics.onExtenderCall },
      onCertificates: metrics.onCertificates,
      ...traced,
    };
    components.push(...extenderParts(config, extenderListen, { client, notReady, log, ...calls }));
  }
  return components;
}
