import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { OurApi } from '../rig/our-api.ts';
import { createWithStatus, defineSnapshotKinds } from '../rig/snapshot-kinds.ts';
import {
  INIT_CONFIGS,
  NODES,
  NODE_LOCAL_STORAGES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_SNAPSHOT_CONTENTS,
  type Resource,
} from '../../src/kube/resource.ts';
import { EXTENT, type SimulatedStorage, type SimulatedVolume } from '../../src/lvm/simulated-groups.ts';
import { GIB, MIB } from '../../src/model/bytes.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import { createOldVolume, DRIVER, oldContent, writeOldStatus, type OldVolume } from './old-objects.ts';

/**
 * A cluster of one node as open-local v0.8 leaves it: its objects as its programs write them, its logical volumes as it
 * names them, without our tag. docs/switching.md is what is then done.
 */

export const NODE = 'worker-1';
export const GROUP = 'open-local-pool-0';
const never = new AbortController().signal;

const uidOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const nameOf = (n: number): string => `local-${uidOf(n)}`;

/** What each claim has. */
export const OLD = {
  /** A StatefulSet's volume with a filesystem. */
  html: nameOf(1),
  /** Its group is in the annotation alone, as open-local's scheduling-framework plug-in leaves it. */
  allocated: nameOf(2),
  /** Larger than its PersistentVolume: lvextend had worked, and nobody told Kubernetes. */
  grown: nameOf(3),
  /** Mounts the snapshot of `html`. */
  reader: nameOf(4),
  disk: nameOf(5),
  mountPoint: nameOf(6),
  /** Of the driver's older name. */
  yoda: 'yoda-00000000-0000-4000-8000-000000000007',
  snapshot: 'snap-00000000-0000-4000-8000-000000000008',
  /** Its logical volume is gone. */
  missing: nameOf(9),
  /** Its logical volume is smaller. */
  smaller: nameOf(10),
} as const;

/** In GiB: the logical volumes of the group. */
const sizesWith = (inline: string): Readonly<Record<string, number>> => ({
  [inline]: 1,
  [OLD.html]: 5,
  [OLD.allocated]: 2,
  [OLD.grown]: 4,
  [OLD.yoda]: 1,
  [OLD.snapshot]: 4,
  [OLD.smaller]: 1,
});
/** In GiB, by PersistentVolumes; the largest of both is what is taken. */
export const TAKEN_GIB = 5 + 2 + 4 + 1 + 4 + 1 + 3 + 2;
export const GROUP_GIB = 40;

const inGroup = { volumeType: 'LVM', vgName: GROUP, 'volume.kubernetes.io/selected-node': NODE };

const volumesIn = (folder: string): Readonly<Record<string, OldVolume>> => ({
  [OLD.html]: { attributes: { ...inGroup, bps: '1048576', iops: '1024' }, capacity: '5Gi' },
  [OLD.allocated]: {
    attributes: { volumeType: 'LVM' },
    annotations: { 'csi.aliyun.com/pv-allocated': JSON.stringify({ vgName: GROUP }) },
    capacity: '2Gi',
  },
  [OLD.grown]: { attributes: inGroup, capacity: '3Gi' },
  [OLD.reader]: {
    attributes: {
      ...inGroup,
      'csi.aliyun.com/readonly': 'true',
      'csi.aliyun.com/snapshot-id': OLD.snapshot,
      'csi.aliyun.com/source-volume-id': OLD.html,
    },
    capacity: '4Gi',
  },
  [OLD.disk]: { attributes: { volumeType: 'Device', mediaType: 'hdd', Device: '/dev/sim-c' }, capacity: '8Gi' },
  [OLD.mountPoint]: {
    attributes: { volumeType: 'MountPoint', mediaType: 'hdd', MountPoint: path.join(folder, 'mnt/data-0') },
    capacity: '6Gi',
  },
  [OLD.yoda]: { attributes: inGroup, capacity: '1Gi', driver: 'yodaplugin.csi.alibabacloud.com' },
  [OLD.missing]: { attributes: inGroup, capacity: '3Gi' },
  [OLD.smaller]: { attributes: inGroup, capacity: '2Gi' },
});

/**
 * Lays it out; `folder` is where the node's simulated disks and mounts are. Resolves to the name of the inline volume
 * of its pod.
 */
export async function layOutOldCluster({ client, folder }: OurApi): Promise<string> {
  const put = <T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> =>
    client.create(resource, object, never);
  const pod = await put(PODS, {
    metadata: { namespace: 'default', name: 'cache' },
    spec: {
      nodeName: NODE,
      containers: [{ name: 'c', image: 'c' }],
      volumes: [
        { name: 'scratch', csi: { driver: DRIVER, fsType: 'ext4', volumeAttributes: { vgName: GROUP, size: '1Gi' } } },
      ],
    },
    status: { phase: 'Running' },
  });
  const inline = inlineVolumeId(pod.metadata.uid ?? '', 'scratch');
  await writeDisks(folder, inline);
  await defineSnapshotKinds(client);
  await put(NODES, { metadata: { name: NODE, labels: { 'kubernetes.io/hostname': NODE } } });
  await put(STORAGE_CLASSES, {
    metadata: { name: 'open-local-lvm' },
    provisioner: DRIVER,
    parameters: { volumeType: 'LVM' },
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  const globalConfig = {
    listConfig: {
      vgs: { include: ['open-local-pool-[0-9]+'] },
      devices: { include: ['/dev/sim-c'] },
      mountPoints: { include: [`${folder}/mnt/.*`] },
    },
    resourceToBeInited: { vgs: [{ name: GROUP, devices: ['/dev/sim-a'] }] },
  };
  await put(INIT_CONFIGS, { metadata: { name: 'open-local' }, spec: { globalConfig } });
  await put(NODE_LOCAL_STORAGES, { metadata: { name: NODE }, spec: { nodeName: NODE, ...globalConfig } });
  await reportAsBefore({ client, folder }, inline);
  for (const [name, volume] of Object.entries(volumesIn(folder))) await createOldVolume(client, NODE, name, volume);
  await createWithStatus(client, VOLUME_SNAPSHOT_CONTENTS, oldContent(OLD.snapshot, OLD.html, 4 * GIB));
  return inline;
}

/** The status of its agent. */
export async function reportAsBefore(
  { client, folder }: Pick<OurApi, 'client' | 'folder'>,
  inline: string,
): Promise<void> {
  const sizes = Object.entries(sizesWith(inline)).map(([name, gib]) => [name, gib * GIB] as const);
  await writeOldStatus(client, NODE, {
    group: { name: GROUP, device: '/dev/sim-a', total: GROUP_GIB * GIB, sizes: Object.fromEntries(sizes) },
    disk: { name: '/dev/sim-c', total: 8 * GIB },
    mountPoint: { name: `${folder}/mnt/data-0`, device: '/dev/sim-b', total: 6 * GIB },
  });
}

const disksFile = (folder: string): string => path.join(folder, 'disks.json');
const mountsFile = (folder: string): string => path.join(folder, 'mounts.json');

async function writeDisks(folder: string, inline: string): Promise<void> {
  const sizes = sizesWith(inline);
  const volumes: SimulatedVolume[] = Object.entries(sizes).map(([name, gib]) => ({
    ...{ name, tags: [], stripes: 1, segments: [{ device: '/dev/sim-a', extents: (gib * GIB) / EXTENT }] },
    ...(name === OLD.snapshot
      ? { snapshot: { origin: OLD.html, originSize: 5 * GIB, takenAt: '2026-10-01T00:00:00Z' } }
      : {}),
  }));
  const storage: SimulatedStorage = {
    disks: [
      { name: '/dev/sim-a', sizeBytes: GROUP_GIB * GIB + 4 * MIB, mediaType: 'ssd' },
      { name: '/dev/sim-b', sizeBytes: 6 * GIB, mediaType: 'hdd', signature: 'ext4' },
      { name: '/dev/sim-c', sizeBytes: 8 * GIB, mediaType: 'hdd', signature: 'ext4' },
    ],
    groups: [{ name: GROUP, devices: ['/dev/sim-a'], volumes }],
  };
  await writeFile(disksFile(folder), JSON.stringify(storage));
  const device = (name: string): string => `/dev/${GROUP}/${name}`;
  const filesystem = (gib: number, n: number) => ({ type: 'ext4', uuid: uidOf(100 + n), sizeBytes: gib * GIB });
  const filesystems = {
    ...Object.fromEntries(Object.entries(sizes).map(([name, gib], n) => [device(name), filesystem(gib, n)])),
    '/dev/sim-b': filesystem(6, 50),
    '/dev/sim-c': filesystem(8, 51),
  };
  const mounted = (source: string, target: string, id: number, options = ['rw']) => ({
    ...{ id, majorMinor: `9:${id}`, root: '/', target, options, fsType: 'ext4', source },
  });
  const mounts = [
    mounted('/dev/sim-b', `${folder}/mnt/data-0`, 1),
    // As it publishes: straight at the pod's path, without a staging path.
    mounted(device(OLD.html), podPath(folder, OLD.html), 2),
    mounted(device(inline), podPath(folder, 'scratch'), 3),
  ];
  await writeFile(mountsFile(folder), JSON.stringify({ mounts, filesystems }));
}

/** Where a pod has a volume. */
export const podPath = (folder: string, volume: string): string => path.join(folder, 'pods', volume, 'mount');

/** Everything on the node's disks but tags, which adopting sets. */
export async function contentOfDisks(folder: string): Promise<unknown> {
  const { disks, groups = [] } = JSON.parse(await readFile(disksFile(folder), 'utf8')) as SimulatedStorage;
  const plain = groups.map(({ name, devices, volumes }) => ({
    ...{ name, devices },
    volumes: volumes.map((volume) => ({ ...volume, tags: [] })),
  }));
  return { disks, groups: plain, mounts: JSON.parse(await readFile(mountsFile(folder), 'utf8')) as unknown };
}

/** Names of the group's volumes that carry our tag. */
export async function taggedVolumes(folder: string): Promise<readonly string[]> {
  const { groups = [] } = JSON.parse(await readFile(disksFile(folder), 'utf8')) as SimulatedStorage;
  return groups
    .flatMap(({ volumes }) => volumes.filter(({ tags }) => tags.length > 0).map(({ name }) => name))
    .toSorted();
}
