import type { Snapshot } from '../../src/csi/gen/csi.ts';
import { isAlreadyExists } from '../../src/kube/errors.ts';
import { unlessGone } from '../../src/kube/find.ts';
import { apiVersionOf, VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS } from '../../src/kube/resource.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../src/model/objects.ts';
import type { VolumeSnapshotContent } from '../../src/model/snapshot-objects.ts';
import { isBound } from './pod-claims.ts';
import { rpcStatus, type SnapshotCalls } from './csi-calls.ts';
import type { Deps, SnapshotStores, Stores } from './deps.ts';
import { VOLUME_SNAPSHOT_CLASSES, type TakenSnapshot } from './kinds.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';

export interface SnapshotterDeps extends Omit<Deps, 'stores'> {
  readonly stores: Stores & SnapshotStores;
  readonly driver: string;
  readonly controller: SnapshotCalls;
}

/** Time limit of one call, `--timeout` of the sidecar. */
const CALL_TIMEOUT_MS = 60_000;
const FINALIZER = 'snapshot.storage.kubernetes.io/volumesnapshot-bound-protection';
const RESERVED = 'csi.storage.k8s.io/';

/**
 * Stands in for snapshot-controller and csi-snapshotter: takes a snapshot for each VolumeSnapshot of a claim, tells it
 * in both objects, and deletes it with the VolumeSnapshot. Keys are VolumeSnapshots.
 */
export function createSnapshotter(deps: SnapshotterDeps): StandIn {
  const { snapshots, claims } = deps.stores;
  const ofClaim = ({ metadata }: PersistentVolumeClaim): string[] =>
    snapshots
      .list()
      .filter((snapshot) => claimOf(snapshot) === keyOf({ metadata }))
      .map(keyOf);
  return {
    name: 'snapshotter',
    wakes: [onChange(snapshots, (snapshot) => [keyOf(snapshot)]), onChange(claims, ofClaim)],
    reconcile: async (key, signal) => {
      const snapshot = snapshots.get(key);
      if (!snapshot) return;
      if (snapshot.metadata.deletionTimestamp !== undefined) await remove(snapshot, deps, signal);
      else if (snapshot.status?.readyToUse !== true) await take(snapshot, deps, signal);
    },
  };
}

const claimOf = ({ metadata, spec }: TakenSnapshot): string =>
  `${metadata.namespace ?? ''}/${spec?.source?.persistentVolumeClaimName ?? ''}`;
const contentNameOf = ({ metadata }: TakenSnapshot): string => `snapcontent-${metadata.uid ?? ''}`;

async function take(snapshot: TakenSnapshot, deps: SnapshotterDeps, signal: AbortSignal): Promise<void> {
  const volume = sourceOf(snapshot, deps);
  if (!volume) return;
  const { client, controller, driver } = deps;
  const taken = await client.get(
    VOLUME_SNAPSHOT_CLASSES,
    { name: snapshot.spec?.volumeSnapshotClassName ?? '' },
    signal,
  );
  if (taken.driver !== driver) return;
  await setFinalizers(snapshot, [FINALIZER], deps, signal);
  const content = contentFor(snapshot, volume, taken.deletionPolicy, driver);
  await client.create(VOLUME_SNAPSHOT_CONTENTS, content, signal).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
  const parameters = Object.entries(taken.parameters ?? {}).filter(([name]) => !name.startsWith(RESERVED));
  const request = {
    name: `snap-${snapshot.metadata.uid ?? ''}`,
    sourceVolumeId: volume.spec?.csi?.volumeHandle ?? '',
    parameters: Object.fromEntries(parameters),
    accessibilityRequirements: undefined,
    secrets: {},
  };
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
  try {
    const { snapshot: made } = await controller.createSnapshot(request, deadline);
    if (!made) throw new Fault('precondition', 'CreateSnapshot answered without a snapshot');
    await tell(snapshot, made, deps, signal);
  } catch (error) {
    const message = `Failed to create snapshot: ${rpcStatus(error).text}`;
    deps.record(VOLUME_SNAPSHOTS, snapshot, { type: 'Warning', reason: 'SnapshotCreationFailed', message });
    throw error;
  }
}

/** The volume of the snapshot's claim, once the claim has one. */
function sourceOf(snapshot: TakenSnapshot, { stores }: SnapshotterDeps): PersistentVolume | undefined {
  const claim = stores.claims.get(claimOf(snapshot));
  return claim && isBound(claim) ? stores.volumes.get(claim.spec?.volumeName ?? '') : undefined;
}

function contentFor(
  snapshot: TakenSnapshot,
  volume: PersistentVolume,
  deletionPolicy: string,
  driver: string,
): VolumeSnapshotContent {
  const { name = '', namespace = '', uid = '' } = snapshot.metadata;
  const volumeSnapshotRef = {
    apiVersion: apiVersionOf(VOLUME_SNAPSHOTS),
    kind: 'VolumeSnapshot',
    name,
    namespace,
    uid,
  };
  const spec = {
    driver,
    deletionPolicy,
    source: { volumeHandle: volume.spec?.csi?.volumeHandle ?? '' },
    volumeSnapshotClassName: snapshot.spec?.volumeSnapshotClassName,
    volumeSnapshotRef,
  };
  return {
    apiVersion: apiVersionOf(VOLUME_SNAPSHOT_CONTENTS),
    kind: 'VolumeSnapshotContent',
    metadata: { name: contentNameOf(snapshot) },
    spec,
  };
}

async function tell(
  snapshot: TakenSnapshot,
  made: Snapshot,
  { client }: SnapshotterDeps,
  signal: AbortSignal,
): Promise<void> {
  const { snapshotId, readyToUse, sizeBytes } = made;
  const name = contentNameOf(snapshot);
  const content = { status: { snapshotHandle: snapshotId, readyToUse, restoreSize: Number(sizeBytes) } };
  await client.patch(VOLUME_SNAPSHOT_CONTENTS, { name }, { type: 'merge', body: content }, signal, 'status');
  const status = { boundVolumeSnapshotContentName: name, readyToUse, restoreSize: String(sizeBytes) };
  const key = splitKey(keyOf(snapshot));
  await client.patch(VOLUME_SNAPSHOTS, key, { type: 'merge', body: { status } }, signal, 'status');
}

async function remove(snapshot: TakenSnapshot, deps: SnapshotterDeps, signal: AbortSignal): Promise<void> {
  const { client, controller, stores } = deps;
  const name = contentNameOf(snapshot);
  const snapshotId = stores.snapshotContents.get(name)?.status?.snapshotHandle;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
  if (snapshotId !== undefined) await controller.deleteSnapshot({ snapshotId, secrets: {} }, deadline);
  await unlessGone(client.delete(VOLUME_SNAPSHOT_CONTENTS, { name }, signal));
  await setFinalizers(snapshot, [], deps, signal);
}

async function setFinalizers(
  snapshot: TakenSnapshot,
  finalizers: readonly string[],
  { client }: SnapshotterDeps,
  signal: AbortSignal,
): Promise<void> {
  const body = { metadata: { finalizers } };
  await unlessGone(client.patch(VOLUME_SNAPSHOTS, splitKey(keyOf(snapshot)), { type: 'merge', body }, signal));
}
