import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { decode } from '../../kube/protobuf/decode.ts';
import { encode, onlyRead } from '../../kube/protobuf/fake-encoder.ts';
import { createFrameSplitter } from '../../kube/protobuf/frame-splitter.ts';
import { createListReader } from '../../kube/protobuf/list-reader.ts';
import type { Message } from '../../kube/protobuf/schema.ts';
import { readWatchEvent } from '../../kube/protobuf/watch-event.ts';
import { classFacts, OUR_DRIVERS } from '../../model/decode.ts';
import type {
  KubeObject,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../../model/objects.ts';
import type { CsiNode } from '../../model/csi-node.ts';
import { SCHEMAS } from './schemas.ts';
import { createViews } from './views.ts';

const views = createViews(OUR_DRIVERS);
const [DRIVER = ''] = OUR_DRIVERS;

const identity = { name: 'one', namespace: 'shop', uid: 'u1', resourceVersion: '7', generation: 3 };
const annotations = { 'volume.kubernetes.io/selected-node': 'node-a', 'csi.aliyun.com/let-go': 'x', note: 'y' };
const deletionTimestamp = '2026-01-01T00:00:00Z';
const ownerReferences = [
  { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 's1' },
  { apiVersion: 'v1', kind: 'Pod', name: 'web-0', uid: 'p1', controller: true },
];
const metadata = { ...identity, labels: { app: 'web' }, annotations, finalizers: ['x'], ownerReferences };
const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-a'] }];
const nodeSelectorTerms = [{ matchExpressions, matchFields: [{ key: 'metadata.name', operator: 'Exists' }] }];
const claimSpec = {
  accessModes: ['ReadWriteOnce', 'ReadWriteOncePod'],
  resources: { requests: { storage: '1Gi' }, limits: { storage: '2Gi' } },
  volumeName: 'pv-1',
  volumeMode: 'Block',
  storageClassName: 'local',
  selector: { matchLabels: { disk: 'fast' }, matchExpressions },
  dataSource: { kind: 'VolumeSnapshot', name: 'snap', apiGroup: 'snapshot.storage.k8s.io' },
  volumeAttributesClassName: 'quick',
};
const volumes = [
  { name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } },
  { name: 'scratch', csi: { driver: DRIVER, fsType: 'xfs', volumeAttributes: { size: '1Gi' } } },
  { name: 'tmp', ephemeral: { volumeClaimTemplate: { metadata: { annotations }, spec: claimSpec } } },
  { name: 'config' },
];
const waiting = {
  metadata,
  spec: {
    volumes,
    containers: [{ name: 'web', image: 'registry/web' }],
    nodeSelector: { disk: 'ssd' },
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    tolerations: [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }, { operator: 'Exists' }],
  },
  status: {
    phase: 'Pending',
    nominatedNodeName: 'node-b',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no room' }],
  },
};
const running = { metadata, spec: { ...waiting.spec, nodeName: 'node-a' }, status: { phase: 'Running' } };
const taints = [
  { key: 'k', value: 'v', effect: 'NoSchedule' },
  { key: 'l', effect: 'NoExecute' },
];
const pv = {
  metadata,
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    csi: { driver: DRIVER, volumeHandle: 'v1', volumeAttributes: { vgName: 'pool-0', volumeType: 'LVM' } },
    claimRef: { namespace: 'shop', name: 'data', uid: 'c1' },
    nodeAffinity: { required: { nodeSelectorTerms } },
    storageClassName: 'local',
    volumeMode: 'Filesystem',
    volumeAttributesClassName: 'quick',
  },
  status: { phase: 'Available' },
};
const storageClass = {
  metadata,
  provisioner: DRIVER,
  parameters: { volumeType: 'LVM' },
  mountOptions: ['noatime'],
  volumeBindingMode: 'WaitForFirstConsumer' as const,
  allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['a'] }] }],
};

/** Whole enough that each view looks wherever it can. */
const KINDS: [string, object, Message, (object: never) => unknown][] = [
  ['a pod that waits', waiting, SCHEMAS.pod, (pod: Pod) => views.pod(pod)],
  ['a pod that runs', running, SCHEMAS.pod, (pod: Pod) => views.pod(pod)],
  [
    'a pod that ends',
    { ...running, metadata: { ...metadata, deletionTimestamp } },
    SCHEMAS.pod,
    (pod: Pod) => views.pod(pod),
  ],
  ['a pod without anything', { metadata: identity }, SCHEMAS.pod, (pod: Pod) => views.pod(pod)],
  [
    'a node',
    { metadata, spec: { unschedulable: true, taints, podCIDR: '10.0.0.0/24' } },
    SCHEMAS.node,
    (node: Node) => views.node(node),
  ],
  [
    'a claim',
    { metadata: { ...metadata, deletionTimestamp }, spec: claimSpec, status: { phase: 'Bound', conditions: [] } },
    SCHEMAS.claim,
    (claim: PersistentVolumeClaim) => views.claim(claim),
  ],
  [
    'a claim of a claim',
    { metadata, spec: { dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'other', namespace: 'x' } } },
    SCHEMAS.claim,
    (claim: PersistentVolumeClaim) => views.claim(claim),
  ],
  ['a PersistentVolume', pv, SCHEMAS.pv, (volume: PersistentVolume) => views.pv(volume)],
  [
    'a PersistentVolume that goes',
    { ...pv, metadata: { ...metadata, deletionTimestamp } },
    SCHEMAS.pv,
    (volume: PersistentVolume) => views.pv(volume),
  ],
  ['a StorageClass', storageClass, SCHEMAS.storageClass, (each: StorageClass) => classFacts(each)],
  [
    'a CSINode',
    { metadata, spec: { drivers: [{ name: DRIVER, nodeID: 'n', topologyKeys: ['k'] }, { name: 'other' }] } },
    SCHEMAS.csiNode,
    ({ spec }: CsiNode) => spec?.drivers?.map(({ name }) => name),
  ],
];

test.each(KINDS)('%s is seen in protobuf as it is in JSON', (_, object, schema, view) => {
  const json = JSON.parse(JSON.stringify(object)) as never;
  const read = decode(schema, encode(schema, object)) as never;
  expect(read).toEqual(onlyRead(schema, json));
  expect(view(read)).toEqual(view(json));
});

test.each(KINDS)('of %s no view reads a field that its schema has not', (_, object, schema, view) => {
  const missing = new Set<string>();
  view(watched(object, schema, '', missing) as never);
  expect([...missing]).toEqual([]);
});

test('a field that a schema has not is found when it is read', () => {
  const missing = new Set<string>();
  const pod = watched(waiting, SCHEMAS.pod, '', missing) as typeof waiting;
  expect([pod.spec.volumes[0]?.name, pod.metadata.finalizers, pod.spec.containers[0]?.name]).toHaveLength(3);
  expect([...missing]).toEqual(['.metadata.finalizers', '.spec.containers']);
});

/** The object, which notes each read of a field that the schema has not; a map or list of texts is read whole. */
function watched(object: object, schema: Message, place: string, missing: Set<string>): object {
  const fields = [
    ...schema.fields,
    ...schema.fields.flatMap((field) => (field?.kind === 'embedded' ? (field.message?.fields ?? []) : [])),
  ];
  return new Proxy(object, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof name === 'symbol') return value;
      const field = fields.find((each) => each?.name === name);
      if (!field) missing.add(`${place}.${name}`);
      const inner = field?.message;
      if (!inner || typeof value !== 'object' || value === null) return value;
      const within = (each: object): object => watched(each, inner, `${place}.${name}`, missing);
      return Array.isArray(value) ? value.map((each) => within(each as object)) : within(value);
    },
  });
}

/** What kube-apiserver 1.36.3 answered in both forms; object-protobuf.cluster.ts has the objects, and compares anew. */
const recorded = JSON.parse(readFileSync(path.join(import.meta.dirname, 'testdata/recorded.json'), 'utf8')) as Recorded;

interface Recorded extends Readonly<
  Record<Plural, { readonly json: { items: KubeObject[] }; readonly protobuf: string[] }>
> {
  /** A watch of StorageClasses, from its first event to its end, and one that began at a version too old. */
  readonly watch: readonly string[];
  readonly error: readonly string[];
}
type Plural = 'pods' | 'nodes' | 'persistentvolumeclaims' | 'persistentvolumes' | 'storageclasses';

const bytesOf = (lines: readonly string[]): Buffer => Buffer.from(lines.join(''), 'base64');

test.each<[Plural, string, Message]>([
  ['pods', 'Pod', SCHEMAS.pod],
  ['nodes', 'Node', SCHEMAS.node],
  ['persistentvolumeclaims', 'PersistentVolumeClaim', SCHEMAS.claim],
  ['persistentvolumes', 'PersistentVolume', SCHEMAS.pv],
  ['storageclasses', 'StorageClass', SCHEMAS.storageClass],
])('recorded %s have every field that is read, under its number', (plural, kind, schema) => {
  const objects: unknown[] = [];
  const reader = createListReader({ kind, schema, tell: (object) => void objects.push(object) });
  reader.push(bytesOf(recorded[plural].protobuf));
  expect(reader.end().resourceVersion).toMatch(/^[0-9]+$/);
  expect(objects).toEqual(recorded[plural].json.items.map((item) => onlyRead(schema, item)));
  expect(objects.length).toBeGreaterThan(0);
});

test('a recorded watch is read', () => {
  const [item] = recorded.storageclasses.json.items;
  const [event] = [...createFrameSplitter().push(bytesOf(recorded.watch))].map(readWatchEvent);
  expect(event).toMatchObject({ type: 'ADDED', object: { kind: 'StorageClass' } });
  const objects = event ? [event.object] : [];
  expect(objects.map(({ bytes, start, end }) => decode(SCHEMAS.storageClass, bytes, start, end))).toEqual([
    onlyRead(SCHEMAS.storageClass, item ?? {}),
  ]);
  const [error] = [...createFrameSplitter().push(bytesOf(recorded.error))].map(readWatchEvent);
  expect(error).toMatchObject({ type: 'ERROR', object: { kind: 'Status' } });
});
