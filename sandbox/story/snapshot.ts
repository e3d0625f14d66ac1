import type { LocalVolume } from '../../src/model/local-volume.ts';
import type { KubeObject, NodeLocalStorage, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import type { Stores } from '../controllers/deps.ts';
import { claimNamesOf } from '../controllers/pod-claims.ts';
import { keyOf } from '../controllers/store.ts';

/** State of the cluster at one moment, in the shape of the report. Bytes are plain numbers. */
export interface Snapshot {
  readonly groups: readonly GroupRow[];
  readonly pods: readonly PodRow[];
  readonly claims: readonly ClaimRow[];
  /** Storage that a node refused to make: its conditions that are False. */
  readonly refused: readonly { readonly node: string; readonly what: string; readonly why: string }[];
}

export interface GroupRow {
  readonly node: string;
  readonly group: string;
  readonly disks: readonly string[];
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly volumes: number;
}

export interface PodRow {
  readonly pod: string;
  readonly phase: string;
  readonly node: string | undefined;
  readonly claims: readonly string[];
  /** Reason for the node, or for having none. */
  readonly why: string | undefined;
}

export interface ClaimRow {
  readonly claim: string;
  readonly phase: string;
  readonly requested: string | undefined;
  readonly capacity: string | undefined;
  readonly volume: string | undefined;
  readonly node: string | undefined;
  readonly group: string | undefined;
  readonly sizeBytes: number | undefined;
}

/** Takes a snapshot of the stores. */
export function takeSnapshot(stores: Stores): Snapshot {
  const nodeStorages = byName(stores.nodeStorages.list());
  return {
    groups: nodeStorages.flatMap(groupRows),
    pods: byName(stores.pods.list()).map((pod) => podRow(pod, stores)),
    claims: byName(stores.claims.list()).map((claim) => claimRow(claim, stores)),
    refused: nodeStorages.flatMap(refusals),
  };
}

const byName = <T extends KubeObject>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

const groupRows = ({ metadata, status }: NodeLocalStorage): GroupRow[] =>
  (status?.nodeStorageInfo?.volumeGroups ?? []).map((group) => ({
    node: metadata.name ?? '',
    group: group.name,
    disks: group.physicalVolumes,
    totalBytes: group.total,
    availableBytes: group.available,
    volumes: group.logicalVolumes?.length ?? 0,
  }));

const refusals = ({ metadata, status }: NodeLocalStorage): Snapshot['refused'][number][] =>
  (status?.conditions ?? [])
    .filter((condition) => condition.status === 'False')
    .map(({ type, message }) => ({ node: metadata.name ?? '', what: type, why: message }));

function podRow(pod: Pod, stores: Stores): PodRow {
  const node = pod.spec?.nodeName;
  return {
    pod: keyOf(pod),
    phase: pod.status?.phase ?? 'Pending',
    node,
    claims: claimNamesOf(pod),
    why: node === undefined ? refusalOf(pod) : chosenBecause(pod, stores),
  };
}

const refusalOf = ({ status }: Pod): string | undefined =>
  status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False')?.message;

const chosenBecause = ({ metadata }: Pod, { events }: Stores): string | undefined =>
  events.list().find(({ involvedObject, reason }) => involvedObject.uid === metadata.uid && reason === 'NodeChosen')
    ?.message;

function claimRow(claim: PersistentVolumeClaim, stores: Stores): ClaimRow {
  const { spec = {}, status = {} } = claim;
  return {
    claim: keyOf(claim),
    phase: status.phase ?? 'Pending',
    requested: spec.resources?.requests?.['storage'],
    capacity: status.capacity?.['storage'],
    volume: spec.volumeName,
    ...placeOf(localVolumeOf(spec.volumeName, stores)),
  };
}

function localVolumeOf(volumeName: string | undefined, { volumes, localVolumes }: Stores): LocalVolume | undefined {
  const handle = volumes.get(volumeName ?? '')?.spec?.csi?.volumeHandle;
  return handle === undefined ? undefined : localVolumes.get(handle);
}

const placeOf = (local: LocalVolume | undefined): Pick<ClaimRow, 'node' | 'group' | 'sizeBytes'> => ({
  node: local?.spec.nodeName,
  group: local?.spec.vgName,
  sizeBytes: local?.status?.sizeBytes ?? local?.spec.sizeBytes,
});
