import { present } from '../../src/model/present.ts';
import { isAlreadyExists, isConflict } from '../../src/kube/errors.ts';
import { CLAIMS, VOLUMES } from '../../src/kube/resource.ts';
import type { Topology, VolumeContentSource } from '../../src/csi/gen/csi.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../src/model/objects.ts';
import { SELECTED_NODE } from '../../src/model/well-known.ts';
import { PROVISIONER } from './claim-binder.ts';
import { rpcStatus, type ControllerCalls } from './csi-calls.ts';
import type { Deps, SnapshotStores, Stores } from './deps.ts';
import { CSI_NODES } from './kinds.ts';
import {
  createRequest,
  persistentVolumeFor,
  PROVISIONED_BY,
  volumeNameFor,
  type Provisioning,
} from './provisioning.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';
import { unlessGone } from '../../src/kube/find.ts';

export interface ProvisionerDeps extends Deps {
  readonly stores: Stores & Partial<SnapshotStores>;
  readonly driver: string;
  readonly controller: ControllerCalls;
}

/** Time limit of one call, `--timeout` of the sidecar. */
const CALL_TIMEOUT_MS = 10_000;
/** Codes after which the driver may still be working on the call: it is repeated until its end is known. */
const UNFINISHED = new Set(['Canceled', 'DeadlineExceeded', 'Unavailable', 'Aborted']);

/** Stands in for the half of external-provisioner that creates volumes. Keys are claims. */
export function createProvisioner(deps: ProvisionerDeps): StandIn {
  /** Claims whose CreateVolume may be under way, as last seen: the objects may be deleted meanwhile. */
  const unfinished = new Map<string, PersistentVolumeClaim>();
  const { claims, classes } = deps.stores;
  return {
    name: 'provisioner',
    wakes: [onChange(claims, (claim) => [keyOf(claim)])],
    reconcile: async (key, signal) => {
      const claim = unfinished.get(key) ?? claims.get(key);
      const storageClass = classes.get(claim?.spec?.storageClassName ?? '');
      if (!claim || !storageClass || (!unfinished.has(key) && !isWanted(claim, storageClass, deps))) return;
      unfinished.set(key, claim);
      try {
        await provision(claim, storageClass, deps, signal);
        unfinished.delete(key);
      } catch (error) {
        if (!UNFINISHED.has(rpcStatus(error).code)) unfinished.delete(key);
        await fail(claim, error, deps, signal);
      }
    },
  };
}

/** Records an Event; throws the error again unless the scheduler is to choose another node. */
async function fail(claim: PersistentVolumeClaim, error: unknown, deps: Deps, signal: AbortSignal): Promise<void> {
  const { code, text } = rpcStatus(error);
  const message = `failed to provision volume with StorageClass "${claim.spec?.storageClassName ?? ''}": ${text}`;
  deps.record(CLAIMS, claim, { type: 'Warning', reason: 'ProvisioningFailed', message });
  if (code !== 'ResourceExhausted') throw error;
  await giveBack(claim, deps, signal);
}

function isWanted(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  { driver, stores }: ProvisionerDeps,
): boolean {
  const { annotations = {}, deletionTimestamp } = claim.metadata;
  const chosen = storageClass.volumeBindingMode !== 'WaitForFirstConsumer' || annotations[SELECTED_NODE] !== undefined;
  return (
    annotations[PROVISIONER] === driver &&
    chosen &&
    deletionTimestamp === undefined &&
    claim.spec?.volumeName === undefined &&
    stores.volumes.get(volumeNameFor(claim)) === undefined
  );
}

async function provision(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  deps: ProvisionerDeps,
  signal: AbortSignal,
): Promise<void> {
  const node = claim.metadata.annotations?.[SELECTED_NODE];
  const topology = node === undefined ? undefined : await topologyOf(node, deps, signal);
  const content = contentOf(claim, deps);
  const provisioning: Provisioning = { claim, storageClass, ...present({ topology, content }) };
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
  const { volume } = await deps.controller.createVolume(createRequest(provisioning), deadline);
  if (!volume) throw new Fault('precondition', 'CreateVolume answered without a volume');
  try {
    await deps.client.create(VOLUMES, persistentVolumeFor(provisioning, volume), signal);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const message = `Successfully provisioned volume ${volumeNameFor(claim)}`;
  deps.record(CLAIMS, claim, { type: 'Normal', reason: 'ProvisioningSucceeded', message });
}

/** What the claim's volume is made from. Throws Fault `unavailable` while its source is not there. */
function contentOf(claim: PersistentVolumeClaim, { stores }: ProvisionerDeps): VolumeContentSource | undefined {
  const source = claim.spec?.dataSource ?? claim.spec?.dataSourceRef;
  if (!source) return undefined;
  const key = `${claim.metadata.namespace ?? ''}/${source.name}`;
  const content = source.kind === 'VolumeSnapshot' ? snapshotAt(key, stores) : volumeAt(key, stores);
  if (!content) throw new Fault('unavailable', `${source.kind} ${source.name} is not ready`);
  return { type: content };
}

function snapshotAt(key: string, { snapshots, snapshotContents }: ProvisionerDeps['stores']) {
  const { boundVolumeSnapshotContentName: content = '', readyToUse } = snapshots?.get(key)?.status ?? {};
  const snapshotId = snapshotContents?.get(content)?.status?.snapshotHandle;
  return readyToUse !== true || snapshotId === undefined
    ? undefined
    : ({ $case: 'snapshot', value: { snapshotId } } as const);
}

function volumeAt(key: string, { claims, volumes }: ProvisionerDeps['stores']) {
  const volumeId = volumes.get(claims.get(key)?.spec?.volumeName ?? '')?.spec?.csi?.volumeHandle;
  return volumeId === undefined ? undefined : ({ $case: 'volume', value: { volumeId } } as const);
}

/** Topology that the node's kubelet registered for the driver. */
async function topologyOf(
  node: string,
  { client, driver, stores }: ProvisionerDeps,
  signal: AbortSignal,
): Promise<Topology> {
  const csiNode = await client.get(CSI_NODES, { name: node }, signal);
  const keys = csiNode.spec.drivers.find(({ name }) => name === driver)?.topologyKeys ?? [];
  const labels = stores.nodes.get(node)?.metadata.labels ?? {};
  return { segments: Object.fromEntries(keys.map((key) => [key, labels[key] ?? ''])) };
}

/** Removes the selected node from the claim, so that the scheduler chooses again. */
async function giveBack(claim: PersistentVolumeClaim, { client }: Deps, signal: AbortSignal): Promise<void> {
  const body = { metadata: { annotations: { [SELECTED_NODE]: null } } };
  try {
    await unlessGone(client.patch(CLAIMS, splitKey(keyOf(claim)), { type: 'merge', body }, signal));
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** Stands in for the half of external-provisioner that deletes volumes. Keys are volumes. */
export function createVolumeDeleter(deps: ProvisionerDeps): StandIn {
  const { volumes } = deps.stores;
  return {
    name: 'volume-deleter',
    wakes: [onChange(volumes, (volume) => [keyOf(volume)])],
    reconcile: async (key, signal) => {
      const volume = volumes.get(key);
      if (!volume || !isToBeDeleted(volume, deps.driver)) return;
      const volumeId = volume.spec?.csi?.volumeHandle ?? '';
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
      try {
        await deps.controller.deleteVolume({ volumeId, secrets: {} }, deadline);
      } catch (error) {
        deps.record(VOLUMES, volume, { type: 'Warning', reason: 'VolumeFailedDelete', message: rpcStatus(error).text });
        throw error;
      }
      await unlessGone(deps.client.delete(VOLUMES, { name: key }, signal));
    },
  };
}

const isToBeDeleted = ({ metadata, spec, status }: PersistentVolume, driver: string): boolean =>
  status?.phase === 'Released' &&
  metadata.annotations?.[PROVISIONED_BY] === driver &&
  spec?.persistentVolumeReclaimPolicy === 'Delete' &&
  metadata.deletionTimestamp === undefined;
