import { present } from './present.ts';
import { expect, test } from 'vitest';
import { bytes, GIB } from './bytes.ts';
import type { ClaimFacts } from './facts.ts';
import { claimFacts } from './decode-claim.ts';
import { classFacts, podFacts, pvFacts, volumeFacts } from './decode.ts';
import type { LocalVolume } from './local-volume.ts';
import type { PersistentVolume, PersistentVolumeClaim } from './objects.ts';

const UID = '6b0a9c9e-4b7b-4c4e-9a53-3a2c1f1f2e3d';

test('a pod is reduced to the volumes that may concern us', () => {
  const facts = podFacts({
    metadata: { name: 'db-0', namespace: 'shop', uid: 'p1' },
    spec: {
      volumes: [
        { name: 'config' },
        { name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } },
        {
          name: 'scratch',
          ephemeral: {
            volumeClaimTemplate: { spec: { storageClassName: 'fast', resources: { requests: { storage: '2Gi' } } } },
          },
        },
        { name: 'tmp', csi: { driver: 'local.csi.aliyun.com', volumeAttributes: { vgName: 'pool-0', size: '1Gi' } } },
        { name: 'legacy', csi: { driver: 'yodaplugin.csi.alibabacloud.com' } },
        { name: 'secrets', csi: { driver: 'secrets-store.csi.k8s.io' } },
      ],
    },
    status: { phase: 'Pending', nominatedNodeName: 'n1' },
  });
  expect(facts).toEqual({
    uid: 'p1',
    namespace: 'shop',
    name: 'db-0',
    nominatedNode: 'n1',
    finished: false,
    volumes: [
      { kind: 'claim', claimName: 'data-db-0' },
      { kind: 'ephemeral', claimName: 'db-0-scratch', storageClass: 'fast', requested: 2 * GIB },
      { kind: 'inline', volumeName: 'tmp', attributes: { vgName: 'pool-0', size: '1Gi' } },
      { kind: 'inline', volumeName: 'legacy', attributes: {} },
    ],
  });
});

test('an inline volume of a driver with another name is ours when that name is', () => {
  const pod = { metadata: {}, spec: { volumes: [{ name: 'v', csi: { driver: 'disk.example' } }] } };
  expect(podFacts(pod).volumes).toEqual([]);
  expect(podFacts(pod, ['disk.example']).volumes).toHaveLength(1);
});

test.each([
  ['Running', undefined, false],
  ['Succeeded', undefined, true],
  ['Failed', undefined, true],
  ['Pending', '2026-01-01T00:00:00Z', true],
])('a pod that is %s and deleted at %s: finished %s', (phase, deletionTimestamp, finished) => {
  const metadata = { name: 'p', ...present({ deletionTimestamp }) };
  expect(podFacts({ metadata, status: { phase } }).finished).toBe(finished);
});

test('a claim with everything on it', () => {
  const claim: PersistentVolumeClaim = {
    metadata: {
      name: 'data',
      namespace: 'shop',
      uid: UID,
      annotations: { 'volume.kubernetes.io/selected-node': 'n1' },
      deletionTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      storageClassName: 'fast',
      resources: { requests: { storage: '10Gi' } },
      volumeName: 'pvc-1',
      dataSourceRef: { kind: 'VolumeSnapshot', name: 'monday', apiGroup: 'snapshot.storage.k8s.io' },
    },
    status: { phase: 'Bound' },
  };
  expect(claimFacts(claim)).toEqual({
    uid: UID,
    namespace: 'shop',
    name: 'data',
    storageClass: 'fast',
    requested: 10 * GIB,
    volumeName: 'pvc-1',
    bound: true,
    selectedNode: 'n1',
    source: { kind: 'VolumeSnapshot', name: 'monday' },
    deleting: true,
  });
});

test.each<[string, NonNullable<PersistentVolumeClaim['spec']>, ClaimFacts['use']]>([
  ['a filesystem for one node', { accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem' }, undefined],
  ['a raw block', { volumeMode: 'Block' }, { block: true }],
  [
    'many writers',
    { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] },
    { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] },
  ],
  ['no more than', { resources: { limits: { storage: '1Gi' } } }, { limit: bytes(GIB) }],
  ['some volume', { selector: {} }, { selects: true }],
])('a claim asks for %s', (_, spec, use) => {
  expect(claimFacts({ metadata: {}, spec }).use).toEqual(use);
});

test('the old annotation for the class wins over the field, in claims and in templates', () => {
  const metadata = { annotations: { 'volume.beta.kubernetes.io/storage-class': 'old' } };
  const spec = { storageClassName: 'new' };
  expect(claimFacts({ metadata, spec }).storageClass).toBe('old');
  expect(claimFacts({ metadata: {}, spec }).storageClass).toBe('new');
  const volumes = [{ name: 'v', ephemeral: { volumeClaimTemplate: { metadata, spec } } }];
  expect(podFacts({ metadata: { name: 'p' }, spec: { volumes } }).volumes).toMatchObject([{ storageClass: 'old' }]);
});

test.each([
  [undefined, 0],
  ['nonsense', 0],
  ['1500m', 2],
  ['9Pi', Number.MAX_SAFE_INTEGER],
])('a claim of %s asks for %d bytes', (storage, requested) => {
  const requests = storage === undefined ? {} : { storage };
  expect(claimFacts({ metadata: {}, spec: { resources: { requests } } }).requested).toBe(requested);
});

test.each([
  ['in another namespace', 'backups', { namespace: 'backups' }],
  ['in its own, by name', 'shop', {}],
  ['in its own', undefined, {}],
  ['in its own, as an empty word', '', {}],
])('a claim is filled from a snapshot %s', (_, namespace, more) => {
  const from = { kind: 'VolumeSnapshot', name: 'monday', apiGroup: 'snapshot.storage.k8s.io' };
  const spec = { dataSourceRef: { ...from, ...(namespace === undefined ? {} : { namespace }) } };
  const { source } = claimFacts({ metadata: { namespace: 'shop' }, spec });
  expect(source).toEqual({ kind: 'VolumeSnapshot', name: 'monday', ...more });
});

test('a claim filled by somebody else’s populator has no source of ours', () => {
  const spec = { dataSourceRef: { kind: 'Hello', name: 'x' } };
  const { source, populated } = claimFacts({ metadata: {}, spec });
  expect([source, populated]).toEqual([undefined, true]);
});

test.each([
  ['prime-11111111-2222-3333-4444-555555555555', '11111111-2222-3333-4444-555555555555'],
  ['vs-prime-11111111-2222-3333-4444-555555555555', '11111111-2222-3333-4444-555555555555'],
  ['tmp-pvc-11111111-2222-3333-4444-555555555555', '11111111-2222-3333-4444-555555555555'],
  ['my-tmp-pvc-11111111-2222-3333-4444-555555555555', undefined],
  ['prime-11111111-2222-3333-4444-555555555555-scratch', undefined],
  ['prime-minister', undefined],
  ['subprime-11111111-2222-3333-4444-555555555555', undefined],
  ['data', undefined],
])('claim %s stands in for %s', (name, uid) => {
  expect(claimFacts({ metadata: { name } })).toMatchObject(uid === undefined ? {} : { standsInFor: uid });
  expect(claimFacts({ metadata: { name } }).standsInFor).toBe(uid);
});

test('a claim stands in for the claim that controls it, whatever its name', () => {
  const owner = (kind: string, controller: boolean) => ({
    apiVersion: 'v1',
    kind,
    name: 'x',
    uid: 'owner',
    controller,
  });
  const standIn = (...ownerReferences: ReturnType<typeof owner>[]) =>
    claimFacts({ metadata: { name: 'import', ownerReferences } }).standsInFor;
  expect(standIn(owner('Pod', true), owner('PersistentVolumeClaim', true))).toBe('owner');
  expect(standIn(owner('PersistentVolumeClaim', false))).toBeUndefined();
});

test('a claim that Velero restores into waits for a volume by its selector, and is not refused for it', () => {
  const selector = (label: string) => ({ selector: { matchLabels: { [label]: 'shop.data.x7k2p' } } });
  const waits = claimFacts({ metadata: {}, spec: selector('velero.io/dynamic-pv-restore') });
  expect(waits).toMatchObject({ populated: true, restore: 'into' });
  expect(waits.use).toBeUndefined();
  expect(claimFacts({ metadata: {}, spec: selector('disk') }).use).toEqual({ selects: true });
});

test('a claim of Velero’s DataDownload is one from which is restored', () => {
  const ownerReferences = [
    { apiVersion: 'velero.io/v2alpha1', kind: 'DataDownload', name: 'x', uid: 'd', controller: true },
  ];
  expect(claimFacts({ metadata: { ownerReferences } }).restore).toBe('from');
});

test('a class keeps its provisioner and its parameters', () => {
  const storageClass = {
    metadata: { name: 'fast' },
    provisioner: 'local.csi.aliyun.com',
    parameters: { volumeType: 'LVM' },
  };
  expect(classFacts(storageClass)).toEqual({
    name: 'fast',
    provisioner: 'local.csi.aliyun.com',
    parameters: { volumeType: 'LVM' },
  });
  expect(classFacts({ metadata: { name: 'bare' }, provisioner: 'x' }).parameters).toEqual({});
});

const volume = (spec: Partial<LocalVolume['spec']>, name = `pvc-${UID}`): LocalVolume => ({
  metadata: { name, uid: 'o1' },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...spec },
});

test('a LocalVolume names its group or its path', () => {
  expect(volumeFacts(volume({ claim: { namespace: 'shop', name: 'data', uid: 'c1' } }))).toEqual({
    name: `pvc-${UID}`,
    uid: 'o1',
    node: 'n1',
    kind: 'LVM',
    where: 'pool-0',
    size: GIB,
    claimUid: 'c1',
  });
  expect(volumeFacts(volume({ kind: 'Device', path: '/dev/sdb' })).where).toBe('/dev/sdb');
});

test.each([
  ['the claim’s uid ends the name', volume({}), UID],
  ['the name was too long and is kept in the request', volume({ request: { name: `local-${UID}` } }, 'vol-1f'), UID],
  ['a name of another form', volume({}, 'by-hand'), undefined],
  ['a snapshot is no claim’s volume', volume({ role: 'Snapshot' }, `snapshot-${UID}`), undefined],
])('the claim of a volume: %s', (_, object, uid) => {
  expect(volumeFacts(object).claimUid).toBe(uid);
});

test.each([
  [
    { encryption: 'luks2', fsType: 'btrfs' },
    { encryption: 'luks2', fsType: 'btrfs' },
  ],
  [{ encryption: 'luks2' }, { encryption: 'luks2' }],
  [{ fsType: 'btrfs' }, undefined],
] as const)('a LocalVolume with %j is encrypted so: %j', (content, sealed) => {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...content } as const;
  expect(volumeFacts({ metadata: { name: 'v' }, spec }).sealed).toEqual(sealed);
});

const pv = (volumeAttributes: Record<string, string>, annotations?: Record<string, string>): PersistentVolume => ({
  metadata: { name: 'pvc-1', ...(annotations ? { annotations } : {}) },
  spec: {
    capacity: { storage: '1Gi' },
    claimRef: { uid: 'c1' },
    csi: { driver: 'local.csi.aliyun.com', volumeHandle: 'pvc-1', volumeAttributes },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] }] }],
      },
    },
  },
  status: { phase: 'Bound' },
});

test('a PersistentVolume of ours says where it is and what it takes', () => {
  expect(pvFacts(pv({ volumeType: 'LVM', vgName: 'pool-0' }))).toEqual({
    name: 'pvc-1',
    driver: 'local.csi.aliyun.com',
    handle: 'pvc-1',
    node: 'n1',
    claimUid: 'c1',
    takes: { kind: 'LVM', where: 'pool-0', size: GIB },
  });
});

test.each([
  ['a device', pv({ volumeType: 'Device', Device: '/dev/sdb' }), '/dev/sdb'],
  ['a mount point', pv({ volumeType: 'MountPoint', MountPoint: '/mnt/a' }), '/mnt/a'],
  [
    'a group chosen by the scheduler plug-in',
    pv({ volumeType: 'LVM', vgName: 'old' }, { 'csi.aliyun.com/pv-allocated': '{"vgName":"pool-1"}' }),
    'pool-1',
  ],
  [
    'an annotation nobody can read',
    pv({ volumeType: 'LVM', vgName: 'old' }, { 'csi.aliyun.com/pv-allocated': '{' }),
    'old',
  ],
  ['a snapshot mounted as it is', pv({ volumeType: 'LVM', vgName: 'p', 'csi.aliyun.com/readonly': 'true' }), undefined],
  ['no group named', pv({ volumeType: 'LVM' }), undefined],
  ['another driver’s attributes', pv({}), undefined],
])('what a PersistentVolume takes: %s', (_, object, where) => {
  expect(pvFacts(object)?.takes?.where).toBe(where);
});

test('a PersistentVolume without CSI takes nothing of ours', () => {
  expect(pvFacts({ metadata: { name: 'nfs' }, spec: {} })).toEqual({ name: 'nfs', driver: '', handle: '' });
});

const affinity = (
  ...terms: { key: string; operator: string; values?: string[] }[][]
): NonNullable<PersistentVolume['spec']> => ({
  nodeAffinity: { required: { nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })) } },
});
const onNodes = (...values: string[]) => ({ key: 'kubernetes.io/hostname', operator: 'In', values });

/** A PersistentVolume that claims may be bound to. */
const open = ({ metadata, spec, status }: Partial<PersistentVolume> = {}): PersistentVolume => ({
  metadata: { name: 'pv-1', ...metadata },
  spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'fast', ...spec },
  status: status ?? { phase: 'Available' },
});

test('a PersistentVolume says what claims it is for', () => {
  const labels = { tier: 'gold' };
  const spec = { ...affinity([onNodes('n1')]), volumeMode: 'Block' as const, volumeAttributesClassName: 'quick' };
  expect(pvFacts(open({ metadata: { labels }, spec })).offer).toEqual({
    storageClass: 'fast',
    capacity: GIB,
    block: true,
    accessModes: ['ReadWriteOnce'],
    labels,
    attributesClass: 'quick',
    available: true,
    nodes: ['n1'],
  });
});

test('the annotation of a PersistentVolume’s class wins over its field', () => {
  const annotations = { 'volume.beta.kubernetes.io/storage-class': 'old' };
  expect(pvFacts(open({ metadata: { annotations } })).offer?.storageClass).toBe('old');
});

test.each<[string, Partial<PersistentVolume>, boolean]>([
  ['available', {}, true],
  ['made by hand for a claim', { spec: { claimRef: { namespace: 'shop', name: 'data' } } }, true],
  ['made by hand for a claim, a moment ago', { spec: { claimRef: { name: 'data' } }, status: {} }, true],
  ['made a moment ago', { status: {} }, false],
  ['bound', { status: { phase: 'Bound' } }, false],
  ['released', { status: { phase: 'Released' }, spec: { claimRef: { name: 'data' } } }, false],
  ['being deleted', { metadata: { deletionTimestamp: '2026-11-28T10:00:00Z' } }, false],
])('whether a claim may be bound to a PersistentVolume that is %s', (_, object, isOffered) => {
  expect(pvFacts(open(object)).offer !== undefined).toBe(isOffered);
});

test.each<[string, NonNullable<PersistentVolume['spec']>, readonly string[] | undefined]>([
  ['everywhere', {}, undefined],
  ['on the nodes of all its terms', affinity([onNodes('n1', 'n2')], [onNodes('n3')]), ['n1', 'n2', 'n3']],
  ['where more must hold, which is not known', affinity([onNodes('n1'), { key: 'zone', operator: 'In' }]), []],
  ['in a zone, which is not known', affinity([{ key: 'zone', operator: 'In', values: ['a'] }]), []],
  ['not on one node', affinity([{ ...onNodes('n1'), operator: 'NotIn' }]), []],
])('a PersistentVolume that can be had %s', (_, spec, nodes) => {
  expect(pvFacts(open({ spec })).offer?.nodes).toEqual(nodes);
});

test.each([
  [
    { kind: 'VolumeSnapshot', name: 'a', apiGroup: 'snapshot.storage.k8s.io' },
    { kind: 'VolumeSnapshot', name: 'a' },
  ],
  [
    { kind: 'PersistentVolumeClaim', name: 'a' },
    { kind: 'PersistentVolumeClaim', name: 'a' },
  ],
  [
    { kind: 'PersistentVolumeClaim', name: 'a', apiGroup: null },
    { kind: 'PersistentVolumeClaim', name: 'a' },
  ],
  [{ kind: 'VolumeSnapshot', name: 'a', apiGroup: 'other.example' }, undefined],
  [{ kind: 'VolumeSnapshot', name: 'a' }, undefined],
  [{ kind: 'PersistentVolumeClaim', name: 'a', apiGroup: 'other.example' }, undefined],
  [{ kind: 'Book', name: 'a', apiGroup: 'other.example' }, undefined],
])('a claim from %j is ours to fill or a populator’s', (dataSource, want) => {
  expect(claimFacts({ metadata: {}, spec: { dataSource } }).source).toEqual(want);
});

test.each<[string, NonNullable<PersistentVolume['spec']>, string | undefined]>([
  ['one node', affinity([onNodes('n1')]), 'n1'],
  ['one node by another key besides', affinity([onNodes('n1'), { key: 'zone', operator: 'In', values: ['z'] }]), 'n1'],
  ['the same in two terms', affinity([onNodes('n1')], [onNodes('n1')]), 'n1'],
  ['one of two nodes', affinity([onNodes('n1', 'n2')]), undefined],
  ['two terms', affinity([onNodes('n1')], [onNodes('n2')]), undefined],
  ['a node or a zone', affinity([onNodes('n1')], [{ key: 'zone', operator: 'In', values: ['z'] }]), undefined],
  ['all but one', affinity([{ key: 'kubernetes.io/hostname', operator: 'NotIn', values: ['n1'] }]), undefined],
  ['a zone', affinity([{ key: 'zone', operator: 'In', values: ['z'] }]), undefined],
  ['nothing', {}, undefined],
])('the only node that reaches a PersistentVolume whose affinity names %s', (_, spec, node) => {
  expect(pvFacts(open({ spec })).node).toBe(node);
});
