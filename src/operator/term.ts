import { Ledger } from '../capacity/ledger.ts';
import type { PlaceAnswer, PlaceRequest } from '../capacity/books/create-volume.ts';
import { createController } from '../csi/controller/controller.ts';
import { createIdentity } from '../csi/identity.ts';
import type { Topology } from '../csi/ports.ts';
import { createCsiServer } from '../csi/server.ts';
import { background } from '../daemon/background.ts';
import type { Endpoint } from '../daemon/endpoint.ts';
import { runComponents, type Component } from '../daemon/lifecycle.ts';
import type { Log } from '../daemon/log.ts';
import { repeat } from '../daemon/repeat.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events/events.ts';
import { claimUidIn, podFacts } from '../model/decode.ts';
import { DEFAULT_DRIVER, LEGACY_DRIVER, OPERATOR } from '../model/well-known.ts';
import type { OperatorConfig } from './config.ts';
import { extenderComponent } from './scheduling/extender-component.ts';
import { feedLedger } from './follow/feed-ledger.ts';
import { createInformers, followAll, notSynced, whenAllSynced, type Informers } from './follow/informers.ts';
import type { Sources } from './metrics/gauges.ts';
import { keepDeletedData } from './volumes/keep-data.ts';
import type { OperatorMetrics } from './metrics/metrics.ts';
import { createCapacityPublisher, type CapacityPublisher } from './capacity-objects/publish-capacity.ts';
import { createNodeReconciler, type NodeReconciler } from './nodes/reconcile-node.ts';
import { createScheduling } from './scheduling/scheduling.ts';
import { tellProblems } from './nodes/tell-problems.ts';
import { createTopology } from './follow/topology.ts';
import { createVolumeStore } from './volumes/volume-store.ts';
import { createWaitingPods, type WaitingPods } from './scheduling/waiting-pods.ts';

export interface ServiceDeps {
  readonly client: KubeClient;
  readonly version: string;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
}

/** What the leader does. */
export interface Service {
  readonly sources: Sources;
  /** Why no call can be answered yet; undefined once all can. */
  notReady(): string | undefined;
  /** Serves until aborted; then finishes the calls under way. */
  run(signal: AbortSignal): Promise<void>;
}

/** A part that has not stopped after so many ms is left behind. */
const STOP_MS = 8000;
const EXPIRE_EVERY_MS = 5000;
/** How long a CSI call waits for an agent. The side-cars' own limit is usually lower, and they ask again. */
const PATIENCE_MS = 45_000;

/**
 * Wires one term of leadership. Everything in it is made anew, above all the ledger: what it must know, the informers tell it, and until
 * they have, calls are answered with an error.
 */
export function createService(config: OperatorConfig, deps: ServiceDeps): Service {
  const { client, log, metrics } = deps;
  const { driverName, strategy, antiAffinity, holdTtlMs, initConfig } = config;
  const drivers = driverName === DEFAULT_DRIVER ? [driverName, LEGACY_DRIVER] : [driverName];
  const ledger = new Ledger({ strategy, antiAffinity, drivers, holdTtlMs });
  const informers = createInformers({ client, drivers, initConfig, log });
  const events = createEventRecorder({ client, source: { component: OPERATOR }, log });
  const notReady = (): string | undefined => notSynced(informers);
  feedLedger(informers, ledger);
  tellProblems(informers, events);
  const nodes = createNodeReconciler({
    client,
    informers,
    initConfig,
    update: config.updateNls,
    events,
    log,
    date: () => new Date(),
  });
  const topology = createTopology(informers.nodes);
  const { namespace } = config;
  const now = (): number => performance.now();
  const waiting = createWaitingPods(informers.pods);
  const isAwaited = (): boolean => waiting.any();
  const capacity = createCapacityPublisher({
    ...{ client, ledger, informers, topology, driverName, namespace, log, now, isAwaited },
  });
  const parts: Parts = { ...deps, config, drivers, ledger, informers, notReady, topology, capacity, waiting };
  const components: Component[] = [
    background('events', (signal) => events.run(signal)),
    background('informers', (signal) => followAll(informers, signal)),
    ...(config.csiEndpoint ? [csiComponent(config.csiEndpoint, parts)] : []),
    ...(config.extenderListen ? [schedulerComponent(config.extenderListen, parts)] : []),
    background('node storage', (signal) => reconcileOnceSynced(nodes, informers, signal)),
    ...(config.csiEndpoint ? [background('capacity', (signal) => capacity.run(signal))] : []),
    background('kept data', (signal) => keepDeletedData({ client, informers, events, log }, signal)),
    background('expiry', (signal) => expire(ledger, { holdTtlMs, log, metrics }, signal)),
  ];
  return {
    sources: { ledger, informers, drivers, queue: () => nodes.stats() },
    notReady,
    run: (signal) => runComponents(components, { log, stopMs: STOP_MS }, signal),
  };
}

interface Parts extends ServiceDeps {
  readonly config: OperatorConfig;
  readonly drivers: readonly string[];
  readonly ledger: Ledger;
  readonly informers: Informers;
  readonly notReady: () => string | undefined;
  readonly topology: Topology;
  readonly capacity: Pick<CapacityPublisher, 'refused'>;
  readonly waiting: WaitingPods;
}

function csiComponent(endpoint: Endpoint, parts: Parts): Component {
  const { client, config, version, ledger, informers, notReady, topology, log, metrics } = parts;
  const ready = (): boolean => notReady() === undefined;
  return createCsiServer({
    name: 'csi controller',
    endpoint,
    services: [
      createIdentity({ driverName: config.driverName, version, ready }),
      createController({
        volumes: createVolumeStore({ client, volumes: informers.volumes }),
        room: {
          place: (ask) => place(ask, parts),
          unplace: (name) => ledger.unplace(name),
          grow: (name, size) => ledger.grow(name, size),
          shrinkTo: (name, size) => ledger.shrinkTo(name, size),
          capacity: (policy, node) => ledger.capacity(policy, node),
        },
        claimUid: ({ name, claim }) =>
          (claim && informers.claims.get(`${claim.namespace}/${claim.name}`)?.uid) ?? claimUidIn(name),
        topology,
        patienceMs: PATIENCE_MS,
        notReady,
      }),
    ],
    log,
    onCall: metrics.onCsiCall,
  });
}

/** A scheduler that does not ask the extender must not choose the same full node again. */
function place(ask: PlaceRequest, { ledger, capacity }: Parts): PlaceAnswer {
  const answer = ledger.place(ask, performance.now());
  if (!answer.ok) capacity.refused(ask);
  return answer;
}

function schedulerComponent(endpoint: Endpoint, parts: Parts): Component {
  const { client, config, drivers, ledger, informers, notReady, log, metrics } = parts;
  const { extenderTlsDir, extenderAllowedClients, waitMs } = config;
  return extenderComponent(endpoint, {
    scheduling: createScheduling({
      ledger,
      client,
      drivers,
      notReady,
      onFilter: (uid, fits) => parts.waiting.asked(uid, fits),
      heard: (pod) => informers.pods.get(pod),
      scoresEveryPod: Object.values(config.antiAffinity).some((weight) => weight > 0),
      now: () => performance.now(),
    }),
    decodePod: (pod) => podFacts(pod, drivers),
    waitMs,
    log,
    onCall: metrics.onExtenderCall,
    ...(extenderTlsDir === undefined ? {} : { tls: { dir: extenderTlsDir } }),
    allowedClients: extenderAllowedClients,
  });
}

/** Before all is listed, a node that is not known yet looks like one that is gone. */
async function reconcileOnceSynced(nodes: NodeReconciler, informers: Informers, signal: AbortSignal): Promise<void> {
  await whenAllSynced(informers, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  if (!signal.aborted) await nodes.run(signal);
}

async function expire(
  ledger: Ledger,
  { holdTtlMs, log, metrics }: Pick<ServiceDeps, 'log' | 'metrics'> & Pick<OperatorConfig, 'holdTtlMs'>,
  signal: AbortSignal,
): Promise<void> {
  const turn = (): void => {
    const pods = ledger.expire(performance.now());
    if (pods.length === 0) return;
    metrics.onExpired(pods.length);
    log.info({ count: pods.length }, 'nothing was heard of pods for which room was held; it is free again');
  };
  const everyMs = Math.min(EXPIRE_EVERY_MS, holdTtlMs);
  await repeat(everyMs, turn, (err) => log.error({ err }, 'holds could not be looked at'), signal);
}
