import { Ledger } from '../../capacity/ledger.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import { classFacts, driversOf } from '../../model/decode.ts';
import type { CsiNode } from '../../model/csi-node.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type {
  Node,
  NodeLocalStorage,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../../model/objects.ts';
import type { VolumeSnapshot, VolumeSnapshotContent } from '../../model/snapshot-objects.ts';
import { feedLedger } from './feed-ledger.ts';
import { sourceFacts, viewOfContent, viewOfSnapshot } from './source-of-snapshot.ts';
import { withNodeNames } from './pvs-by-node.ts';
import { createTopology } from './topology.ts';
import { createViews, type StorageView } from './views.ts';

/** All objects that decide about room, read at one time. */
export interface ReadObjects {
  /** The name of our CSI driver. */
  readonly settings: { readonly driver: string };
  readonly nodes: readonly Node[];
  readonly storages: readonly NodeLocalStorage[];
  readonly classes: readonly StorageClass[];
  readonly volumes: readonly LocalVolume[];
  readonly pvs: readonly PersistentVolume[];
  readonly claims: readonly PersistentVolumeClaim[];
  /** Those that have not started, or all of them. */
  readonly pods: readonly Pod[];
  /** Undefined where they could not be read. */
  readonly snapshots: readonly VolumeSnapshot[] | undefined;
  readonly contents: readonly VolumeSnapshotContent[] | undefined;
  readonly csiNodes?: readonly CsiNode[] | undefined;
}

/** Long enough for whoever decides once and ends. */
const HOLD_TTL_MS = 3_600_000;

/** Storages as their nodes report them. */
export function reportedStorages({ storages, settings }: Pick<ReadObjects, 'storages' | 'settings'>): StorageView[] {
  const views = createViews(driversOf(settings.driver));
  return storages.map((nls) => views.storage(nls));
}

/**
 * The operator's own ledger, told all that was read as the operator hears it. What the operator itself holds for pods
 * that are being placed at this moment is in no object, so nothing of that is in it.
 */
export function ledgerOf(read: ReadObjects, storages: readonly StorageView[] = reportedStorages(read)): Ledger {
  const drivers = driversOf(read.settings.driver);
  const views = createViews(drivers);
  const nodes = new Map(read.nodes.map(views.node).map((node) => [node.name, node]));
  const topology = createTopology({ values: nodes, ...played([...nodes.values()]) });
  const ledger = new Ledger({ strategy: 'binpack', drivers, holdTtlMs: HOLD_TTL_MS });
  feedLedger(
    {
      classes: played(read.classes.map(classFacts)),
      storages: played(storages),
      volumes: played(read.volumes.map(views.volume)),
      pvs: played(read.pvs.map((pv) => withNodeNames(views.pv(pv), topology))),
      claims: played(read.claims.map(views.claim)),
      pods: played(read.pods.map(views.pod)),
    },
    ledger,
  );
  tellSnapshots(read, drivers, ledger);
  return ledger;
}

/** As the operator does once it has listed them. Of snapshots that could not be read any may be there. */
function tellSnapshots(
  { snapshots, contents, volumes }: ReadObjects,
  drivers: readonly string[],
  ledger: Ledger,
): void {
  if (!snapshots) return;
  const byName = new Map(contents?.map(viewOfContent).map((each) => [each.name, each]));
  const recorded = new Map(volumes.map((each) => [each.metadata.name ?? '', each]));
  const known = {
    content: (name: string) => byName.get(name),
    isListed: contents !== undefined,
    volume: (name: string) => recorded.get(name),
    drivers,
  };
  for (const snapshot of snapshots.map(viewOfSnapshot)) ledger.sourceChanged(sourceFacts(snapshot, known));
  ledger.sourcesListed();
}

/** As an informer that has listed what there is, and hears nothing more. */
const played = <P>(views: readonly P[]) => ({
  subscribe: ({ changed }: Handlers<P>): (() => void) => {
    for (const view of views) changed?.(view, undefined);
    return () => {};
  },
});
