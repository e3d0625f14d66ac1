import type { PlaceAnswer, PlaceRequest } from '../../capacity/books/create-volume.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import { createControllers, type ControllerDeps } from '../../csi/controller/controller.ts';
import type { Topology } from '../../csi/ports.ts';
import type { StandbyServer } from '../../csi/standby-server.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { Component } from '../../daemon/lifecycle.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Tracer } from '../../trace/tracer.ts';
import type { Informers } from '../follow/informers.ts';
import type { SnapshotContents } from '../follow/snapshot-contents.ts';
import type { CountedStorages } from '../follow/silent-nodes.ts';
import { createClaimsOfVolumes } from './claims-of-volumes.ts';
import { cordonedNodes, exactNodes } from './exact-nodes.ts';
import type { NeededData } from './needed-data.ts';
import { createTraces } from './trace-volume.ts';
import { createVolumeStore } from './volume-store.ts';

export interface CsiComponentDeps {
  readonly server: StandbyServer;
  readonly client: KubeClient;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly ledger: Ledger;
  readonly informers: Informers;
  /** As the ledger hears of them. */
  readonly storages: Pick<CountedStorages, 'get'>;
  readonly topology: Topology;
  readonly contents: Pick<SnapshotContents, 'keptBy' | 'givenTo'>;
  readonly needed: NeededData;
  readonly notReady: () => string | undefined;
  /** As of VolumeStoreDeps. */
  readonly tracer?: Pick<Tracer, 'traceparent'>;
  /** Told of every volume for which there is no room where it was asked for. */
  readonly onRefused: (ask: PlaceRequest) => void;
  /** As of ControllerDeps. */
  readonly onClaimRefused: NonNullable<ControllerDeps['onClaimRefused']>;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

/** How long a CSI call waits for an agent. The sidecars' own limit is usually lower, and they ask again. */
const WAIT_FOR_AGENT_MS = 45_000;

/** The CSI controller as a part of the process: room from the ledger, records in the API server. */
export function createCsiComponent(deps: CsiComponentDeps): Component {
  const { client, ledger, informers, storages, topology, notReady } = deps;
  const place = (ask: PlaceRequest): PlaceAnswer => {
    const chosen = ask.claim && informers.claims.get(`${ask.claim.namespace}/${ask.claim.name}`)?.selectedNode;
    const exact = ask.nodes
      ? { ...ask, nodes: exactNodes(ask.nodes, chosen, topology) }
      : { ...ask, last: cordonedNodes(informers.nodes.values.values()) };
    const answer = ledger.place(exact, deps.now());
    if (!answer.ok) deps.onRefused(exact);
    return answer;
  };
  const claims = createClaimsOfVolumes({ client, informers });
  const controllers = createControllers({
    volumes: createVolumeStore({ ...deps, volumes: informers.volumes }),
    sources: new KeyedMutex(),
    traces: createTraces({ client, informers, drivers: deps.drivers, contents: deps.contents }),
    room: {
      place,
      unplace: (name) => ledger.unplace(name),
      refused: (name, whole) => ledger.refused(name, whole, deps.now()),
      grow: (name, size) => ledger.grow(name, size),
      inExtents: (name, size) => ledger.inExtents(name, size),
      shrinkTo: (name, size) => ledger.shrinkTo(name, size),
      capacity: (policy, node) => ledger.capacity(policy, node),
    },
    ...claims,
    topology,
    storage: {
      troublesOf: (node) => storages.get(node)?.troubles,
      isSilent: (node) => storages.get(node)?.silent ?? false,
    },
    waitForAgentMs: WAIT_FOR_AGENT_MS,
    notReady,
    onClaimRefused: (refused) => {
      const { claim, volume, words, isFinal } = refused;
      const uid = claims.claimUid({ name: volume, claim });
      if (isFinal && uid !== undefined) ledger.claimRefused(uid, words, deps.now());
      // People look by name, and that may be another claim's by now.
      if (informers.claims.get(`${claim.namespace}/${claim.name}`)?.uid === uid) deps.onClaimRefused(refused);
    },
  });
  return deps.server.serve(controllers, () => notReady() === undefined);
}
