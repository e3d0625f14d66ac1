import { NODE_LOCAL_STORAGES, INIT_CONFIGS, STORAGE_CLASSES, type Resource } from '../../src/kube/resource.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/model/objects.ts';

/**
 * The kinds of open-local v0.8 as its chart defines them, by what they accept, and one object of each with every field
 * that they have: those of a cluster that switches.
 */

const never = new AbortController().signal;

type Schema = { readonly type: string; readonly [key: string]: unknown };
const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const number: Schema = { type: 'integer', format: 'int64' };
const time: Schema = { type: 'string', format: 'date-time' };
const many = (items: Schema): Schema => ({ type: 'array', items });
const object = (properties: Readonly<Record<string, Schema>>): Schema => ({ type: 'object', properties });

const patterns = object({ include: many(text), exclude: many(text) });
const wish = {
  spdkConfig: object({ deviceType: text, rpcSocket: text }),
  listConfig: object({ vgs: patterns, mountPoints: patterns, devices: patterns }),
  resourceToBeInited: object({
    vgs: many(object({ name: text, devices: many(text) })),
    mountpoints: many(object({ path: text, device: text, fsType: text, options: many(text) })),
  }),
};
const status = object({
  nodeStorageInfo: object({
    deviceInfo: many(object({ name: text, mediaType: text, total: number, readOnly: flag, condition: text })),
    volumeGroups: many(
      object({
        ...{ name: text, physicalVolumes: many(text), total: number, available: number, allocatable: number },
        logicalVolumes: many(object({ name: text, vgname: text, total: number, readOnly: flag, condition: text })),
        condition: text,
      }),
    ),
    mountPoints: many(
      object({
        ...{ name: text, total: number, available: number, fsType: text, isBind: flag, options: many(text) },
        ...{ device: text, readOnly: flag, condition: text },
      }),
    ),
    phase: text,
    state: object({
      ...{ type: text, status: text, lastHeartbeatTime: time, lastTransitionTime: time, reason: text, message: text },
    }),
  }),
  filteredStorageInfo: object({
    ...{ volumeGroups: many(text), mountPoints: many(text), devices: many(text) },
    updateStatusInfo: object({ lastUpdateTime: time, updateStatus: text, reason: text }),
  }),
});
const selector: Schema = {
  type: 'object',
  properties: {
    matchLabels: { type: 'object', additionalProperties: text },
    matchExpressions: many(object({ key: text, operator: text, values: many(text) })),
  },
};

function definition(
  { group, version, plural, kind }: Resource,
  shortName: string,
  properties: Readonly<Record<string, Schema>>,
  subresources: object = {},
): KubeObject {
  const schema = {
    openAPIV3Schema: object({ apiVersion: text, kind: text, metadata: { type: 'object' }, ...properties }),
  };
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames: [shortName] },
      versions: [{ name: version, served: true, storage: true, schema, subresources }],
    },
  } as KubeObject;
}

const CRDS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const CSI_DRIVERS: Resource = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'csidrivers',
  kind: 'CSIDriver',
  namespaced: false,
};

const WISH = {
  spdkConfig: { deviceType: 'aio', rpcSocket: '/var/tmp/spdk.sock' },
  listConfig: {
    vgs: { include: ['open-local-pool-[0-9]+', 'yoda-pool[0-9]+'], exclude: ['share'] },
    mountPoints: { include: ['/mnt/open-local/disk-[0-9]+'], exclude: ['/mnt/x'] },
    devices: { include: ['/dev/vd[d-e]'], exclude: ['/dev/vda'] },
  },
  resourceToBeInited: {
    vgs: [{ name: 'open-local-pool-0', devices: ['/dev/vdb'] }],
    mountpoints: [{ path: '/mnt/open-local/disk-1', device: '/dev/vdc', fsType: 'xfs', options: ['rw'] }],
  },
};
const AT = '2026-11-01T00:00:00Z';
const volumes = [
  { name: 'local-1', vgname: 'open-local-pool-0', total: 1024, readOnly: false, condition: 'DiskReady' },
];
/** As its agent writes it. */
export const OLD_STATUS = {
  nodeStorageInfo: {
    deviceInfo: [{ name: '/dev/vdd', mediaType: 'hdd', total: 4096, readOnly: false, condition: 'DiskReady' }],
    volumeGroups: [
      {
        ...{
          name: 'open-local-pool-0',
          physicalVolumes: ['/dev/vdb'],
          logicalVolumes: volumes,
          condition: 'DiskReady',
        },
        ...{ total: 4096, available: 3072, allocatable: 4096 },
      },
    ],
    mountPoints: [
      {
        ...{ name: '/mnt/open-local/disk-1', total: 4096, available: 0, fsType: 'xfs', isBind: false, options: ['rw'] },
        ...{ device: '/dev/vdc', readOnly: false, condition: 'DiskFull' },
      },
    ],
    phase: 'Running',
    state: {
      ...{ type: 'DiskReady', status: 'True', lastHeartbeatTime: AT, lastTransitionTime: AT },
      ...{ reason: 'r', message: 'm' },
    },
  },
  filteredStorageInfo: {
    ...{ volumeGroups: ['open-local-pool-0'], mountPoints: ['/mnt/open-local/disk-1'], devices: ['/dev/vdd'] },
    updateStatusInfo: { lastUpdateTime: AT, updateStatus: 'accepted', reason: 'r' },
  },
};
export const OLD_NODE = 'a-node-of-open-local';
export const OLD_CONFIG = 'an-nlsc-of-open-local';
/** What its chart brings besides, of which Kubernetes lets no field be changed that matters. */
const CLASSES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'open-local-lvm': { volumeType: 'LVM', 'csi.storage.k8s.io/fstype': 'ext4' },
  'open-local-lvm-xfs': { volumeType: 'LVM', 'csi.storage.k8s.io/fstype': 'xfs' },
  'open-local-device-ssd': { volumeType: 'Device', mediaType: 'ssd', 'csi.storage.k8s.io/fstype': 'ext4' },
  'open-local-device-hdd': { volumeType: 'Device', mediaType: 'hdd', 'csi.storage.k8s.io/fstype': 'ext4' },
};

/** Resolves to its two objects as the API server then has them. `established` waits for a definition to be served. */
export async function layOutOldKinds(
  client: KubeClient,
  established: () => Promise<unknown>,
): Promise<readonly KubeObject[]> {
  const put = <T extends KubeObject>(resource: Resource<T>, made: T): Promise<T> =>
    client.create(resource, made, never);
  await put(
    CRDS,
    definition(NODE_LOCAL_STORAGES, 'nls', { spec: object({ nodeName: text, ...wish }), status }, { status: {} }),
  );
  const forNodes = many(object({ selector, ...wish }));
  await put(
    CRDS,
    definition(INIT_CONFIGS, 'nlsc', { spec: object({ globalConfig: object(wish), nodesConfig: forNodes }) }),
  );
  await put(CSI_DRIVERS, {
    metadata: { name: 'local.csi.aliyun.com' },
    spec: { attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: ['Persistent', 'Ephemeral'] },
  } as KubeObject);
  for (const [name, parameters] of Object.entries(CLASSES))
    await put(STORAGE_CLASSES, {
      ...{ metadata: { name }, provisioner: 'local.csi.aliyun.com', parameters, reclaimPolicy: 'Delete' },
      ...{ volumeBindingMode: 'WaitForFirstConsumer', allowVolumeExpansion: parameters['volumeType'] === 'LVM' },
    });
  await established();
  const matchExpressions = [{ key: 'a', operator: 'In', values: ['b'] }];
  const nodesConfig = [{ selector: { matchLabels: { c: 'd' }, matchExpressions }, ...WISH }];
  await put(INIT_CONFIGS, { metadata: { name: OLD_CONFIG }, spec: { globalConfig: WISH, nodesConfig } } as KubeObject);
  await put(NODE_LOCAL_STORAGES, { metadata: { name: OLD_NODE }, spec: { nodeName: OLD_NODE, ...WISH } } as KubeObject);
  const body = { status: OLD_STATUS };
  await client.patch(NODE_LOCAL_STORAGES, { name: OLD_NODE }, { type: 'merge', body }, never, 'status');
  return oldObjects(client);
}

/** Both objects, all that a person sees of them. */
export const oldObjects = async (client: KubeClient): Promise<readonly KubeObject[]> => {
  const found = [
    await client.get<KubeObject>(INIT_CONFIGS, { name: OLD_CONFIG }, never),
    await client.get<KubeObject>(NODE_LOCAL_STORAGES, { name: OLD_NODE }, never),
  ];
  return found.map(({ metadata: { name, uid }, ...fields }) => ({ metadata: { name, uid }, ...fields }) as KubeObject);
};
