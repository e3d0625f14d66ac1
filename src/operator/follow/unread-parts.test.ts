import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readList } from '../../kube/rest/list-text.ts';
import { parseWithout } from '../../kube/rest/unread-text.ts';
import { OUR_DRIVERS } from '../../model/decode.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Node, NodeLocalStorage, PersistentVolume, PersistentVolumeClaim, Pod } from '../../model/objects.ts';
import { UNREAD_OF_BUILT_IN, UNREAD_OF_CUSTOM, UNREAD_OF_PODS } from './unread-parts.ts';
import { createViews } from './views.ts';

const views = createViews(OUR_DRIVERS);
const TEXTS = '"managedFields":[ "containers":[ ],"restartPolicy":" ]},"spec":{';

/** Fields stand as in the Go structs ObjectMeta, PodSpec, Container and PodStatus of k8s.io/api. */
const pod = (container: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: 'web-0',
    namespace: 'shop',
    uid: 'u1',
    annotations: { note: TEXTS },
    finalizers: ['x'],
    managedFields: [{ manager: 'kubelet', fieldsV1: { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': {} } } } }],
  },
  spec: {
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } },
      {
        name: 'tmp',
        ephemeral: { volumeClaimTemplate: { metadata: { finalizers: ['y'] }, spec: { storageClassName: 'c' } } },
      },
    ],
    initContainers: [{ name: 'first', resizePolicy: [{ resourceName: 'cpu' }], restartPolicy: 'Always' }],
    containers: [{ name: 'web', args: [TEXTS], ...container }],
    restartPolicy: 'Always',
    nodeName: 'node-a',
  },
  status: {
    phase: 'Succeeded',
    nominatedNodeName: 'node-b',
    containerStatuses: [{ name: 'web', image: 'registry/web', user: { linux: { uid: 0, gid: 0 } } }],
    qosClass: 'Burstable',
  },
});

test.each([
  ['as most are', pod()],
  ['whose container has a policy of its own', pod({ resizePolicy: [{ resourceName: 'cpu' }], restartPolicy: 'Never' })],
])('of a pod %s all that is looked at is read', (_, object) => {
  const text = JSON.stringify(object);
  for (const line of [text, `{"type":"ADDED","object":${text}}`]) {
    const read = parseWithout(line, UNREAD_OF_PODS) as Pod & { object?: Pod };
    expect(views.pod(read.object ?? read)).toEqual(views.pod(object as unknown as Pod));
  }
});

test('its containers, and who wrote its fields, are not', () => {
  const { metadata, spec, status } = parseWithout(JSON.stringify(pod()), UNREAD_OF_PODS) as ReturnType<typeof pod>;
  expect([metadata.managedFields, spec.containers, status.containerStatuses]).toEqual([[], [], []]);
});

test('a custom object, whose keys are in the order of the alphabet, comes without who wrote its fields', () => {
  const metadata = { labels: { a: TEXTS }, managedFields: [{ manager: 'agent' }], name: 'v1', uid: 'u1' };
  const spec = { claim: { name: 'data', namespace: 'shop', uid: 'c1' }, kind: 'LVM', nodeName: 'node-a', sizeBytes: 5 };
  const object = { apiVersion: 'csi.aliyun.com/v1alpha1', kind: 'LocalVolume', metadata, spec };
  const read = parseWithout(JSON.stringify(object), UNREAD_OF_CUSTOM) as typeof object;
  expect(read).toEqual({ ...object, metadata: { ...metadata, managedFields: [] } });
  expect(views.volume(read as unknown as LocalVolume)).toEqual(views.volume(object as unknown as LocalVolume));
});

/** The same object with the keys of every object in it in another order, by chance. */
function shuffled(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, random));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map((entry) => ({ entry, place: random() }));
  return Object.fromEntries(
    entries.toSorted((a, b) => a.place - b.place).map(({ entry: [key, inner] }) => [key, shuffled(inner, random)]),
  );
}

const managedFields = [{ manager: TEXTS, operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:spec': { '.': {} } } }];
const metadata = {
  name: 'one',
  namespace: 'shop',
  uid: 'u1',
  labels: { app: TEXTS },
  annotations: { 'volume.kubernetes.io/selected-node': 'node-a', 'csi.aliyun.com/keep': 'x', note: TEXTS },
  ownerReferences: [{ name: 'owner', uid: 'u0', kind: 'ReplicaSet' }],
  deletionTimestamp: '2026-01-01T00:00:00Z',
  finalizers: ['example.org/x'],
  managedFields,
};
const anyPod = {
  ...pod({ resizePolicy: [{ resourceName: 'cpu' }], restartPolicy: 'Never', volumeMounts: [{ name: 'data' }] }),
  metadata: { ...metadata, deletionTimestamp: undefined },
};
const waitingPod = {
  ...anyPod,
  spec: {
    ...anyPod.spec,
    nodeName: undefined,
    nodeSelector: { disk: 'ssd' },
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [] }] },
      },
    },
    tolerations: [{ key: 'k', operator: 'Exists' }],
  },
  status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] },
};
const nodeSpec = { unschedulable: true, taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] };
const claim = {
  metadata,
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    volumeName: 'pv-1',
    storageClassName: 'local',
    dataSource: { kind: 'VolumeSnapshot', name: 'snap', apiGroup: 'snapshot.storage.k8s.io' },
  },
  status: { phase: 'Bound', conditions: [{ type: 'Resizing', status: 'True' }] },
};
const nodeSelectorTerms = [
  { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-a'] }] },
];
const pv = {
  metadata,
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    csi: { driver: OUR_DRIVERS[0], volumeHandle: 'v1', volumeAttributes: { vgName: 'pool-0', volumeType: 'LVM' } },
    claimRef: { namespace: 'shop', name: 'data', uid: 'c1' },
    nodeAffinity: { required: { nodeSelectorTerms } },
  },
  status: { phase: 'Bound' },
};
const volume = {
  metadata,
  spec: {
    nodeName: 'node-a',
    kind: 'LVM',
    vgName: 'pool-0',
    sizeBytes: 5,
    claim: { name: 'd', namespace: 's', uid: 'c' },
  },
  status: { phase: 'Ready', sizeBytes: 5 },
};
const volumeGroups = [
  { name: 'pool-0', total: 100, allocatable: 50, available: 40, physicalVolumes: ['/dev/sdb'], logicalVolumes: [] },
];
const storage = {
  metadata,
  spec: { nodeName: 'node-a', listConfig: { vgs: { include: ['pool-[0-9]+'] } } },
  status: { nodeStorageInfo: { volumeGroups }, filteredStorageInfo: { volumeGroups: ['pool-0'] } },
};

test.each([
  ['Pod', anyPod, UNREAD_OF_PODS, (object: unknown) => views.pod(object as Pod)],
  ['Pod', waitingPod, UNREAD_OF_PODS, (object: unknown) => views.pod(object as Pod)],
  ['Node', { metadata, spec: nodeSpec }, UNREAD_OF_BUILT_IN, (object: unknown) => views.node(object as Node)],
  ['claim', claim, UNREAD_OF_BUILT_IN, (object: unknown) => views.claim(object as PersistentVolumeClaim)],
  ['PersistentVolume', pv, UNREAD_OF_BUILT_IN, (object: unknown) => views.pv(object as PersistentVolume)],
  ['LocalVolume', volume, UNREAD_OF_CUSTOM, (object: unknown) => views.volume(object as LocalVolume)],
  ['NodeLocalStorage', storage, UNREAD_OF_CUSTOM, (object: unknown) => views.storage(object as NodeLocalStorage)],
] as const)('a %s whose fields come in any order loses nothing that is looked at', (_, object, unread, view) => {
  const expected = view(JSON.parse(JSON.stringify(object)));
  const places = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(places, (stream) => {
      const text = JSON.stringify(shuffled(object, () => stream.next().value));
      expect(view(parseWithout(text, unread))).toEqual(expected);
      const list = `{"kind":"List","metadata":{"resourceVersion":"1"},"items":[${text},${text}]}`;
      expect([...(readList(list, unread).items ?? [])].map((item) => view(item) as unknown)).toEqual([
        expected,
        expected,
      ]);
    }),
    { numRuns: 2000 },
  );
});
