import { UNTIL_DELETE_VOLUME } from '../src/model/needed-data.ts';
import { KEEP } from '../src/model/well-known.ts';
import { nodeName, POD_NAMESPACE } from './half-full-cluster.ts';
import { podObject } from './calls.ts';

/** The objects of a large cluster, by number, as an API server sends them. */

export const GROUP = 'open-local-pool-0';
const GIB = 1024 ** 3;
const EXTENT = 4 * 1024 ** 2;
const DRIVER = 'local.csi.aliyun.com';
export const VOLUMES_PER_NODE = 10;
const CREATED = '2026-11-21T09:00:00Z';

const uid = (kind: number, i: number): string =>
  `${String(kind).padStart(8, '0')}-3c53-4d5e-9a51-${i.toString(16).padStart(12, '0')}`;
const claimOf = (i: number): string => `data-web-${i}`;
export const volumeName = (i: number): string => `local-${uid(3, i)}`;

/** Fields that API servers add to every object and that open-local never reads: a third of a pod's bytes. */
const managedFields = [
  {
    manager: 'kube-controller-manager',
    operation: 'Update',
    apiVersion: 'v1',
    time: CREATED,
    fieldsType: 'FieldsV1',
    fieldsV1: {
      'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} }, 'f:ownerReferences': { '.': {}, 'k:{"uid":"x"}': {} } },
      'f:spec': {
        'f:containers': {
          'k:{"name":"web"}': { '.': {}, 'f:env': { '.': {} }, 'f:image': {}, 'f:name': {}, 'f:resources': {} },
        },
      },
    },
  },
];

const metadata = (name: string, kind: number, i: number): object => ({
  name,
  uid: uid(kind, i),
  resourceVersion: String(1000 + i),
  creationTimestamp: CREATED,
  generation: 1,
  managedFields,
});

export const nodeAt = (i: number): object => ({
  metadata: {
    ...metadata(nodeName(i), 1, i),
    labels: { 'kubernetes.io/hostname': nodeName(i), 'kubernetes.io/os': 'linux' },
  },
  spec: {},
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
});

/** A node's storage with so many volumes on it, each of `GIB` bytes and more. */
export function storageAt(i: number, sizeOf: (volume: number) => number = () => GIB): object {
  const total = 1024 * GIB;
  const volumes = Array.from({ length: VOLUMES_PER_NODE }, (_, v) => i * VOLUMES_PER_NODE + v);
  const logicalVolumes = volumes.map((v) => ({ name: volumeName(v), vgname: GROUP, total: sizeOf(v) }));
  const used = logicalVolumes.reduce((sum, volume) => sum + volume.total, 0);
  return {
    apiVersion: 'csi.aliyun.com/v1alpha1',
    kind: 'NodeLocalStorage',
    metadata: metadata(nodeName(i), 2, i),
    spec: { nodeName: nodeName(i), listConfig: { vgs: { include: ['open-local-pool-[0-9]+'] } } },
    status: {
      nodeStorageInfo: {
        phase: 'Running',
        deviceInfo: ['/dev/sda', '/dev/sdb'].map((name) => ({
          name,
          mediaType: 'ssd',
          total: total / 2,
          readOnly: false,
          inUse: 'in a volume group',
        })),
        volumeGroups: [
          {
            name: GROUP,
            physicalVolumes: ['/dev/sda', '/dev/sdb'],
            logicalVolumes,
            total,
            available: total - used,
            allocatable: total,
            extentSize: EXTENT,
          },
        ],
      },
      filteredStorageInfo: {
        volumeGroups: [GROUP],
        updateStatusInfo: { lastUpdateTime: CREATED, updateStatus: 'accepted' },
      },
    },
  };
}

export const volumeAt = (i: number, sizeBytes = GIB): object => ({
  apiVersion: 'csi.aliyun.com/v1alpha1',
  kind: 'LocalVolume',
  metadata: {
    ...metadata(volumeName(i), 3, i),
    finalizers: ['csi.aliyun.com/volume-on-node'],
    labels: { 'csi.aliyun.com/node': nodeName(Math.floor(i / VOLUMES_PER_NODE)) },
    annotations: { [KEEP]: UNTIL_DELETE_VOLUME },
  },
  spec: {
    nodeName: nodeName(Math.floor(i / VOLUMES_PER_NODE)),
    kind: 'LVM',
    vgName: GROUP,
    sizeBytes,
    role: 'Volume',
    fsType: 'ext4',
    claim: { namespace: POD_NAMESPACE, name: claimOf(i), uid: uid(4, i) },
    request: { name: volumeName(i), requiredBytes: GIB },
  },
  status: { phase: 'Ready', sizeBytes, devicePath: `/dev/${GROUP}/${volumeName(i)}` },
});

export const claimAt = (i: number, requested = '1Gi'): object => ({
  metadata: {
    ...metadata(claimOf(i), 4, i),
    namespace: POD_NAMESPACE,
    annotations: {
      'volume.kubernetes.io/selected-node': nodeName(Math.floor(i / VOLUMES_PER_NODE)),
      'volume.kubernetes.io/storage-provisioner': DRIVER,
    },
  },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'open-local-lvm',
    resources: { requests: { storage: requested } },
    volumeName: volumeName(i),
    volumeMode: 'Filesystem',
  },
  status: { phase: 'Bound', capacity: { storage: requested } },
});

export const pvAt = (i: number): object => ({
  metadata: metadata(volumeName(i), 5, i),
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'open-local-lvm',
    claimRef: { kind: 'PersistentVolumeClaim', namespace: POD_NAMESPACE, name: claimOf(i), uid: uid(4, i) },
    csi: { driver: DRIVER, volumeHandle: volumeName(i), fsType: 'ext4', volumeAttributes: { vgName: GROUP } },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName(Math.floor(i / VOLUMES_PER_NODE))] },
            ],
          },
        ],
      },
    },
    persistentVolumeReclaimPolicy: 'Delete',
  },
  status: { phase: 'Bound' },
});

export const storageClass = {
  metadata: metadata('open-local-lvm', 6, 0),
  provisioner: DRIVER,
  parameters: { volumeType: 'LVM' },
  volumeBindingMode: 'WaitForFirstConsumer',
};

/**
 * A running pod of about 6 kB. Pods up to the number of volumes have one each; the others have none, as most pods of a
 * cluster.
 */
export function podAt(
  i: number,
  { nodes, volumes, phase = 'Running' }: { readonly nodes: number; readonly volumes: number; readonly phase?: string },
): object {
  const pod = podObject(i, 0);
  const mine = i < volumes ? [{ name: 'data', persistentVolumeClaim: { claimName: claimOf(i) } }] : [];
  const node = i < volumes ? Math.floor(i / VOLUMES_PER_NODE) : i % nodes;
  return {
    metadata: { ...pod.metadata, uid: uid(7, i), managedFields },
    spec: { ...pod.spec, nodeName: nodeName(node), volumes: [...mine, ...pod.spec.volumes] },
    status: {
      phase,
      hostIP: '10.0.0.1',
      podIP: '10.244.0.7',
      startTime: CREATED,
      qosClass: 'Burstable',
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: CREATED,
      })),
    },
  };
}
