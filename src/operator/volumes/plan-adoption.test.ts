import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import type { NodeLocalStorage, PersistentVolume } from '../../model/objects.ts';
import type { VolumeSnapshotContent } from '../../model/snapshot-objects.ts';
import { DEFAULT_DRIVER, LEGACY_DRIVER } from '../../model/well-known.ts';
import { createViews } from '../follow/views.ts';
import type { Known } from './adoption.ts';
import { planPvAdoption, planSnapshotAdoption } from './plan-adoption.ts';
import { planInlineAdoption } from './plan-inline-adoption.ts';

const drivers = [DEFAULT_DRIVER, LEGACY_DRIVER];
const views = createViews(drivers);
type Status = NonNullable<NodeLocalStorage['status']>;

const group = (name: string, volumes: Readonly<Record<string, number>>) => ({
  ...{ name, physicalVolumes: ['/dev/sdb'], total: 100 * GIB, available: 50 * GIB, allocatable: 100 * GIB },
  logicalVolumes: Object.entries(volumes).map(([lv, total]) => ({ name: lv, vgname: name, total })),
});
/** A node whose agent is ours, unless told. */
const node = (name: string, volumes: Readonly<Record<string, number>>, status: Partial<Status> = {}) =>
  views.storage({
    metadata: { name },
    status: {
      nodeStorageInfo: {
        volumeGroups: [group('pool-0', volumes)],
        deviceInfo: [{ name: '/dev/sdc', mediaType: 'hdd', total: 20 * GIB, readOnly: false, inUse: 'mounted' }],
        mountPoints: [
          {
            ...{
              name: '/mnt/open-local/a',
              total: 9 * GIB,
              available: GIB,
              fsType: 'ext4',
              isBind: false,
              options: [],
            },
            readOnly: false,
          },
        ],
      },
      filteredStorageInfo: { volumeGroups: ['pool-0'], devices: ['/dev/sdc'], mountPoints: ['/mnt/open-local/a'] },
      conditions: [],
      ...status,
    },
  });

const known = (nodes: readonly ReturnType<typeof node>[], volumes: readonly LocalVolume[] = []): Known => ({
  storages: new Map(nodes.map((one) => [one.name, one])),
  volumes: new Map(volumes.map((volume) => [volume.metadata.name ?? '', volume])),
  topology: { nodesAt: (hostname) => [hostname] },
  drivers,
});

const UID = '6f1c5b1e-6f0a-4a43-9d55-0f0a8a1e3a11';
const NAME = `local-${UID}`;
/** As open-local makes it. */
const pv = (
  attributes: Readonly<Record<string, string>> = { volumeType: 'LVM', vgName: 'pool-0' },
  more: Partial<NonNullable<PersistentVolume['spec']>> = {},
  rest: Partial<PersistentVolume> = {},
): PersistentVolume => ({
  metadata: { name: NAME },
  status: { phase: 'Bound' },
  spec: {
    capacity: { storage: '5Gi' },
    persistentVolumeReclaimPolicy: 'Delete',
    claimRef: { namespace: 'web', name: 'html', uid: UID },
    csi: { driver: DEFAULT_DRIVER, volumeHandle: NAME, fsType: 'ext4', volumeAttributes: attributes },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] }] }],
      },
    },
    ...more,
  },
  ...rest,
});
const csi = (own: object): Partial<NonNullable<PersistentVolume['spec']>> => ({
  csi: {
    driver: DEFAULT_DRIVER,
    volumeHandle: NAME,
    volumeAttributes: { volumeType: 'LVM', vgName: 'pool-0' },
    ...own,
  },
});
const five = node('n1', { [NAME]: 5 * GIB });

test('a volume that is where its PersistentVolume says gets the record of what was asked for', () => {
  const attributes = { volumeType: 'LVM', vgName: 'pool-0', lvmType: 'striping', bps: '1048576', iops: '1024' };
  expect(planPvAdoption(pv(attributes), known([five]))).toMatchObject({
    kind: 'adopt',
    volume: {
      metadata: {
        name: NAME,
        labels: { 'csi.aliyun.com/node': 'n1' },
        annotations: { 'csi.aliyun.com/keep': 'until DeleteVolume' },
        finalizers: ['csi.aliyun.com/volume-on-node'],
      },
      spec: {
        ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', layout: 'striped', sizeBytes: 5 * GIB, role: 'Volume' },
        ...{ adopted: true, fsType: 'ext4', claim: { namespace: 'web', name: 'html', uid: UID } },
        limits: { readBps: 1048576, writeBps: 1048576, readIops: 1024, writeIops: 1024 },
        request: { name: NAME, requiredBytes: 5 * GIB },
      },
    },
  });
});

test('mount options that no new volume could have are kept, and told', () => {
  expect(planPvAdoption(pv(undefined, { mountOptions: ['noatime', 'norecovery'] }), known([five]))).toMatchObject({
    note: 'Its mount options norecovery are kept, and no new volume can have them.',
  });
  const point = pv({ volumeType: 'MountPoint', MountPoint: '/mnt/open-local/a' }, { mountOptions: ['discard'] });
  expect(planPvAdoption(point, known([five]))).toMatchObject({ note: expect.stringContaining('no effect') as string });
  expect(planPvAdoption(pv(), known([five]))).not.toHaveProperty('note');
});

const specOf = (adoption: ReturnType<typeof planPvAdoption>): Partial<LocalVolume['spec']> =>
  adoption.kind === 'adopt' ? adoption.volume.spec : {};

test.each<[string, PersistentVolume, object]>([
  ['of the driver of older releases', pv(undefined, csi({ driver: LEGACY_DRIVER })), { kind: 'LVM' }],
  ['a raw block volume, which has no filesystem', pv(undefined, { volumeMode: 'Block' }), { fsType: undefined }],
  [
    'its group in the annotation of the framework plug-in',
    pv(
      { volumeType: 'LVM' },
      {},
      { metadata: { name: NAME, annotations: { 'csi.aliyun.com/pv-allocated': '{"vgName":"pool-0"}' } } },
    ),
    { vgName: 'pool-0' },
  ],
  ['limits that had no effect', pv({ volumeType: 'LVM', vgName: 'pool-0', bps: 'much' }), { limits: undefined }],
  ['a whole disk with data', pv({ volumeType: 'Device', Device: '/dev/sdc' }), { kind: 'Device', path: '/dev/sdc' }],
  ['a mount point', pv({ volumeType: 'MountPoint', MountPoint: '/mnt/open-local/a' }), { kind: 'MountPoint' }],
  ['without a claim, made by hand', pv(undefined, { claimRef: undefined as never }), { claim: undefined }],
  [
    'released, and kept on purpose',
    pv(undefined, { persistentVolumeReclaimPolicy: 'Retain' }, { status: { phase: 'Released' } }),
    { kind: 'LVM' },
  ],
])('adopted: %s', (_, object, spec) => {
  const adoption = planPvAdoption(object, known([five]));
  expect(adoption.kind).toBe('adopt');
  expect({
    ...Object.fromEntries(Object.keys(spec).map((key) => [key, undefined])),
    ...specOf(adoption),
  }).toMatchObject(spec);
});

test.each<[string, number, number | undefined]>([
  ['as large', 5 * GIB, 5 * GIB],
  ['larger: it was grown, and nobody told Kubernetes', 6 * GIB, 5 * GIB],
  ['rounded down to MiB by the node of open-local', 5 * GIB - MIB + 1, 5 * GIB - MIB + 1],
  ['smaller by a MiB', 5 * GIB - MIB, undefined],
  ['smaller', 4 * GIB, undefined],
])('its size: %s', (_, size, recorded) => {
  expect(specOf(planPvAdoption(pv(), known([node('n1', { [NAME]: size })]))).sizeBytes).toBe(recorded);
});

test('one that is smaller is told with both sizes', () => {
  expect(planPvAdoption(pv(), known([node('n1', { [NAME]: 4 * GIB })]))).toMatchObject({
    kind: 'refuse',
    why: expect.stringMatching(/has 4 GiB, less than the 5 GiB.*lvextend/) as string,
  });
});

const record = (name: string, spec: Partial<LocalVolume['spec']>, status?: LocalVolume['status']): LocalVolume => ({
  metadata: { name },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...spec },
  ...(status && { status }),
});

test.each<[string, PersistentVolume, Known, RegExp]>([
  [
    'it is not there',
    pv(),
    known([node('n1', {})]),
    /^Node n1 reports no logical volume pool-0\/local-.*bring its disks/,
  ],
  [
    'it is on another node',
    pv(),
    known([node('n1', {}), node('n2', { [NAME]: 5 * GIB })]),
    /^Node n1 .*but n2 has pool-0\/local-/,
  ],
  [
    'its group is not managed',
    pv({ volumeType: 'LVM', vgName: 'other' }),
    known([five]),
    /group other as managed.*but n1 has pool-0/,
  ],
  [
    'its disk is not managed',
    pv({ volumeType: 'Device', Device: '/dev/sdx' }),
    known([five]),
    /does not report \/dev\/sdx/,
  ],
  [
    'its disk is a smaller one',
    pv({ volumeType: 'Device', Device: '/dev/sdc' }, { capacity: { storage: '30Gi' } }),
    known([five]),
    /another disk may be there/,
  ],
  [
    'its disk is another volume’s',
    pv({ volumeType: 'Device', Device: '/dev/sdc' }),
    known(
      [five],
      [
        {
          metadata: { name: 'b' },
          spec: { nodeName: 'n1', kind: 'Device', path: '/dev/sdc', sizeBytes: 1, role: 'Volume' },
        },
      ],
    ),
    /is that of the volume b/,
  ],
  ['it does not say what it takes', pv({}), known([five]), /volumeAttributes do not say/],
  ['it does not say where', pv(undefined, { nodeAffinity: undefined as never }), known([five]), /names no node/],
  ['its name is none', pv(undefined, csi({ volumeHandle: 'A b' })), known([five]), /can be no name/],
  [
    'it mounts something else than a snapshot',
    pv({ 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-id': 'v' }),
    known([five], [record('v', {})]),
    /no snapshot/,
  ],
])('refused, with what to do: %s', (_, object, cluster, why) => {
  expect(planPvAdoption(object, cluster)).toMatchObject({ kind: 'refuse', why: expect.stringMatching(why) as string });
});

test.each<[string, PersistentVolume, Known]>([
  [
    'its node’s report is that of the agent before us',
    pv(),
    known([node('n1', { [NAME]: 5 * GIB }, { conditions: undefined as never })]),
  ],
  ['its node has not reported', pv(), known([])],
  [
    'its snapshot has no record yet',
    pv({ 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-id': 's' }),
    known([five]),
  ],
])('nothing is said while %s', (_, object, cluster) => {
  expect(planPvAdoption(object, cluster).kind).toBe('wait');
});

test.each<[string, PersistentVolume, Known]>([
  ['of another driver', pv(undefined, csi({ driver: 'ebs.csi.aws.com' })), known([five])],
  ['that has its record', pv(), known([five], [record(NAME, {})])],
  [
    'that is being deleted',
    pv(undefined, {}, { metadata: { name: NAME, deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    known([five]),
  ],
  ['that DeleteVolume is about to remove', pv(undefined, {}, { status: { phase: 'Released' } }), known([five])],
  [
    'that was let go as lost',
    pv(undefined, {}, { metadata: { name: NAME, annotations: { 'csi.aliyun.com/let-go': 'burnt' } } }),
    known([five]),
  ],
])('left alone: one %s', (_, object, cluster) => {
  expect(planPvAdoption(object, cluster).kind).toBe('leave');
});

const content = (more: Partial<VolumeSnapshotContent['spec']> = {}): VolumeSnapshotContent => ({
  metadata: { name: 'snapcontent-1' },
  spec: { driver: DEFAULT_DRIVER, source: { volumeHandle: NAME }, ...more },
  status: { snapshotHandle: 'snap-1', restoreSize: 4 * GIB },
});
const source = record(NAME, { fsType: 'xfs' });

test('a snapshot is adopted in the group of its source, once that is; a claim that mounts it after both', () => {
  const cluster = node('n1', { [NAME]: 5 * GIB, 'snap-1': 4 * GIB });
  expect(planSnapshotAdoption(content(), known([cluster]))).toEqual({ kind: 'wait', volume: NAME });
  const taken = planSnapshotAdoption(content(), known([cluster], [source]));
  expect(specOf(taken)).toEqual({
    ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', fsType: 'xfs', sizeBytes: 4 * GIB, role: 'Snapshot' },
    ...{ source: { volume: NAME }, restore: 'Mount', adopted: true },
    copyOnWrite: { thresholdPercent: 50, stepBytes: GIB },
    request: { name: 'snap-1', requiredBytes: 4 * GIB },
  });
  const attributes = { 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-id': 'snap-1' };
  const reader = pv(attributes, csi({ volumeHandle: 'local-b', volumeAttributes: attributes }));
  const ready = record('snap-1', specOf(taken), { snapshot: { sourceBytes: 5 * GIB } });
  expect(specOf(planPvAdoption(reader, known([cluster], [source, ready])))).toMatchObject({
    ...{ nodeName: 'n1', vgName: 'pool-0', fsType: 'xfs', readOnly: true, source: { snapshot: 'snap-1' } },
    sizeBytes: 5 * GIB,
  });
});

test('a snapshot whose data is elsewhere is told, one of others is none of ours', () => {
  const cluster = known([five], [source]);
  expect(planSnapshotAdoption(content(), cluster)).toMatchObject({
    kind: 'refuse',
    why: expect.stringContaining('S3') as string,
  });
  expect(planSnapshotAdoption(content({ driver: 'other' }), cluster).kind).toBe('leave');
});

const pod = { uid: 'p1', namespace: 'web', name: 'w', nodeName: 'n1', finished: false, volumes: [] };
const inline = { kind: 'inline', volumeName: 'scratch', attributes: { vgName: 'pool-0', size: '2Gi' } } as const;
const id = inlineVolumeId('p1', 'scratch');

test('an inline volume is adopted for its pod, with the path by which the kubelet is seen to know it', () => {
  const adoption = planInlineAdoption(pod, inline, known([node('n1', { [id]: 2 * GIB })]));
  expect(specOf(adoption)).toEqual({
    ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', layout: 'linear', sizeBytes: bytes(2 * GIB) },
    ...{ role: 'Ephemeral', adopted: true },
  });
  expect(adoption).toMatchObject({
    volume: {
      metadata: {
        name: id,
        annotations: {
          'csi.aliyun.com/published-at': 'pods/p1/volumes/kubernetes.io~csi/scratch/mount',
        },
      },
    },
  });
});

test.each([
  ['is not there: the kubelet will ask for it', pod, known([node('n1', {})])],
  ['is of a pod that ended', { ...pod, finished: true }, known([node('n1', { [id]: 2 * GIB })])],
])('an inline volume is left alone when it %s', (_, one, cluster) => {
  expect(planInlineAdoption(one, inline, cluster).kind).toBe('leave');
});
