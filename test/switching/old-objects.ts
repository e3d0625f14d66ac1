import type { KubeClient } from '../../src/kube/client.ts';
import { CLAIMS, LOCAL_VOLUMES, NODE_LOCAL_STORAGES, VOLUMES } from '../../src/kube/resource.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../src/model/objects.ts';

/** Objects of open-local v0.8, as its programs and its sidecars write them. */

export const DRIVER = 'local.csi.aliyun.com';
const never = new AbortController().signal;

/** A PersistentVolume of open-local's. */
export interface OldVolume {
  readonly attributes: Readonly<Record<string, string>>;
  readonly capacity: string;
  readonly driver?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly mountOptions?: string[];
  readonly block?: true;
}

/** As csi-provisioner wrote it from what open-local's CreateVolume had answered. */
function oldPv(name: string, volume: OldVolume, node: string): PersistentVolume {
  const { attributes, capacity, driver = DRIVER, annotations = {}, mountOptions, block } = volume;
  const uid = name.slice(name.indexOf('-') + 1);
  return {
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': driver, ...annotations } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: capacity },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'default', name: `data-${uid}`, uid },
      csi: { driver, volumeHandle: name, fsType: 'ext4', volumeAttributes: { ...attributes } },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
          ],
        },
      },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'open-local-lvm',
      ...(mountOptions && { mountOptions }),
      ...(block && { volumeMode: 'Block' as const }),
    },
  };
}

/** Writes its PersistentVolume and claim, bound to each other. */
export async function createOldVolume(
  client: KubeClient,
  node: string,
  name: string,
  volume: OldVolume,
): Promise<void> {
  const { spec = {} } = await client.create(VOLUMES, oldPv(name, volume, node), never);
  await setPhase(client, name, 'Bound');
  const claim: PersistentVolumeClaim = {
    metadata: { namespace: 'default', name: spec.claimRef?.name ?? '' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'open-local-lvm',
      resources: { requests: { storage: volume.capacity } },
      volumeName: name,
    },
  };
  await client.create(CLAIMS, claim, never);
}

/** Writes the phase of a PersistentVolume, as Kubernetes does. */
export async function setPhase(client: KubeClient, name: string, phase: 'Bound' | 'Released'): Promise<void> {
  await client.patch(VOLUMES, { name }, { type: 'merge', body: { status: { phase } } }, never, 'status');
}

/** As csi-snapshotter wrote it from what open-local's CreateSnapshot had answered. */
export const oldContent = (snapshotHandle: string, volumeHandle: string, restoreSize: number) => ({
  metadata: { name: snapshotHandle.replace('snap', 'snapcontent') },
  spec: {
    ...{ driver: DRIVER, deletionPolicy: 'Delete', volumeSnapshotClassName: 'open-local-lvm' },
    source: { volumeHandle },
    volumeSnapshotRef: { namespace: 'default', name: 'new-snapshot-test' },
  },
  status: { snapshotHandle, restoreSize, readyToUse: true },
});

/** What a node has, sizes in bytes. */
export interface OldStorage {
  readonly group: {
    readonly name: string;
    readonly device: string;
    readonly total: number;
    readonly sizes: Readonly<Record<string, number>>;
  };
  readonly disk: { readonly name: string; readonly total: number };
  readonly mountPoint: { readonly name: string; readonly device: string; readonly total: number };
}

/** Writes the status of the node's NodeLocalStorage as its agent does: no extents, no UUIDs, no conditions. */
export async function writeOldStatus(
  client: KubeClient,
  node: string,
  { group, disk, mountPoint }: OldStorage,
): Promise<void> {
  const used = Object.values(group.sizes).reduce((sum, size) => sum + size, 0);
  const volumeGroup = {
    ...{ name: group.name, physicalVolumes: [group.device], condition: 'DiskReady' as const },
    ...{ total: group.total, available: group.total - used, allocatable: group.total },
    logicalVolumes: Object.entries(group.sizes).map(([name, total]) => ({ name, vgname: group.name, total })),
  };
  const mounted = { fsType: 'ext4', isBind: false, readOnly: false, options: ['rw'], condition: 'DiskReady' as const };
  const status = {
    nodeStorageInfo: {
      deviceInfo: [{ ...disk, mediaType: 'hdd' as const, readOnly: false }],
      volumeGroups: [volumeGroup],
      mountPoints: [{ ...mountPoint, available: mountPoint.total, ...mounted }],
      phase: 'Running' as const,
      state: { type: 'DiskReady' as const, status: 'True' as const, lastHeartbeatTime: '2026-11-01T00:00:00Z' },
    },
    filteredStorageInfo: { volumeGroups: [group.name], mountPoints: [mountPoint.name], devices: [disk.name] },
  };
  const body = [{ op: 'add', path: '/status', value: status }];
  await client.patch(NODE_LOCAL_STORAGES, { name: node }, { type: 'json', body }, never, 'status');
}

/** Takes a LocalVolume away as the way back does, although nobody takes its finalizer off. */
export async function takeRecordAway(client: KubeClient, name: string): Promise<void> {
  const body = { metadata: { finalizers: null } };
  await client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, never);
  await client.delete(LOCAL_VOLUMES, { name }, never);
}
