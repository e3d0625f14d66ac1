import { Ledger } from '../capacity/ledger.ts';
import type { Look } from '../doctor/look.ts';
import type { Settings, Unseen } from '../doctor/model/facts.ts';
import { silenceOf } from '../doctor/checks/agents.ts';
import { DEPLOYMENTS } from '../doctor/model/kinds.ts';
import { isComponent, settingsOf } from '../doctor/settings.ts';
import type { ListOptions } from '../kube/client.ts';
import { LEASES, type Lease } from '../kube/lease/lease-record.ts';
import {
  CLAIMS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_SNAPSHOT_CONTENTS,
  VOLUME_SNAPSHOTS,
  VOLUMES,
  type Resource,
} from '../kube/resource.ts';
import { classFacts, driversOf } from '../model/decode.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type {
  KubeObject,
  Node,
  NodeLocalStorage,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../model/objects.ts';
import type { VolumeSnapshot, VolumeSnapshotContent } from '../model/snapshot-objects.ts';
import { OPERATOR } from '../model/well-known.ts';
import { feedLedger } from '../operator/follow/feed-ledger.ts';
import { sourceOf, viewOfContent, viewOfSnapshot } from '../operator/follow/source-of-snapshot.ts';
import { asSilent } from '../operator/follow/silent-nodes.ts';
import { createViews, type StorageView } from '../operator/follow/views.ts';

/** All objects that decide about room, read at one time. A list that could not be read is empty, and `unseen` tells. */
export interface Room {
  readonly nodes: readonly Node[];
  readonly storages: readonly NodeLocalStorage[];
  readonly classes: readonly StorageClass[];
  readonly volumes: readonly LocalVolume[];
  readonly pvs: readonly PersistentVolume[];
  readonly claims: readonly PersistentVolumeClaim[];
  /** Those that have not started, or all of them. */
  readonly pods: readonly Pod[];
  readonly snapshots: readonly VolumeSnapshot[];
  readonly contents: readonly VolumeSnapshotContent[];
  readonly settings: Settings;
  /** Of the operator; undefined where it could not be read, too. */
  readonly lease: Lease | undefined;
  readonly unseen: readonly Unseen[];
  /** By the clock of the API server, ms since 1970. */
  readonly now: number;
}

export interface ReadRoom {
  readonly look: Look;
  readonly unseen: readonly Unseen[];
  readonly now: () => number;
  /** Pods that run too: who uses which volume. */
  readonly everyPod?: boolean;
}

/**
 * Reads every kind once, page by page. Throws ApiError where the API server does not answer, or knows nobody by these
 * credentials.
 */
export async function readRoom({ look, unseen, now, everyPod = false }: ReadRoom): Promise<Room> {
  const deployments = await look.list(DEPLOYMENTS, { labelSelector: `app.kubernetes.io/component=operator` });
  const operator = deployments?.find((each) => isComponent(each, each.metadata.namespace ?? '', 'operator'));
  const namespace = operator?.metadata.namespace ?? 'open-local';
  const all = async <T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<readonly T[]> =>
    (await look.list(resource, options)) ?? [];
  const objects = {
    pods: await all(PODS, everyPod ? {} : { fieldSelector: 'status.phase=Pending' }),
    nodes: await all(NODES),
    storages: await all(NODE_LOCAL_STORAGES),
    classes: await all(STORAGE_CLASSES),
    volumes: await all(LOCAL_VOLUMES),
    pvs: await all(VOLUMES),
    claims: await all(CLAIMS),
    snapshots: await all(VOLUME_SNAPSHOTS),
    contents: await all(VOLUME_SNAPSHOT_CONTENTS),
    lease: await look.find(LEASES, { namespace, name: OPERATOR }),
  };
  return { ...objects, settings: settingsOf(operator), unseen, now: now() };
}

/** Long enough for whoever decides once and ends. */
const HOLD_TTL_MS = 3_600_000;

/**
 * The operator's own ledger, told all that was read as the operator hears it. What the operator itself holds for pods
 * that are being placed at this moment is in no object, so nothing of that is in it.
 */
export function ledgerOf(
  room: Omit<Room, 'lease' | 'unseen' | 'now' | 'nodes'>,
  storages: readonly StorageView[] = reported(room),
): Ledger {
  const drivers = driversOf(room.settings.driver);
  const views = createViews(drivers);
  const ledger = new Ledger({ strategy: 'binpack', drivers, holdTtlMs: HOLD_TTL_MS });
  feedLedger(
    {
      classes: played(room.classes.map(classFacts)),
      storages: played(storages),
      volumes: played(room.volumes.map(views.volume)),
      pvs: played(room.pvs.map(views.pv)),
      claims: played(room.claims.map(views.claim)),
      pods: played(room.pods.map(views.pod)),
    },
    ledger,
  );
  const contents = new Map(room.contents.map(viewOfContent).map((each) => [each.name, each]));
  const volumes = new Map(room.volumes.map((each) => [each.metadata.name ?? '', each]));
  for (const snapshot of room.snapshots.map(viewOfSnapshot)) {
    const content = contents.get(snapshot.content);
    const source = sourceOf(snapshot, content, volumes.get(content?.handle ?? ''), drivers);
    if (source) ledger.sourceChanged(source);
  }
  return ledger;
}

function reported({ storages, settings }: Pick<Room, 'storages' | 'settings'>): StorageView[] {
  const views = createViews(driversOf(settings.driver));
  return storages.map((nls) => views.storage(nls));
}

/** Storages as the operator counts them for new volumes; an agent is silent by the clock of the API server. */
export const countedStorages = (room: Pick<Room, 'storages' | 'settings' | 'now'>): readonly StorageView[] =>
  reported(room).map((view, i) => {
    const nls = room.storages[i];
    return nls && view.isOurs && silenceOf(nls, room.now) !== undefined ? asSilent(view) : view;
  });

/** As an informer that has listed what there is, and hears nothing more. */
const played = <P>(views: readonly P[]) => ({
  subscribe: ({ changed }: { changed: (view: P) => void }): (() => void) => {
    for (const view of views) changed(view);
    return () => {};
  },
});
