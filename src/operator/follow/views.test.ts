import { expect, test } from 'vitest';
import { volumeLabels } from '../../model/node-label.ts';
import type { NodeLocalStorage, ObjectMeta, Pod } from '../../model/objects.ts';
import { FORMATTED, KEEP, LOST, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createViews } from './views.ts';

const DRIVER = 'local.csi.aliyun.com';
const views = createViews([DRIVER]);

const pod = (spec: Pod['spec'], phase = 'Running'): Pod => ({
  metadata: { namespace: 'web', name: 'a', uid: 'u' },
  spec: {
    ...spec,
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'data-a' } },
      { name: 'scratch', csi: { driver: DRIVER, volumeAttributes: { size: '1Gi' } } },
    ],
  },
  status: { phase },
});

test.each([
  ['waits for a node', pod({}, 'Pending'), ['claim', 'inline']],
  ['has a node, and has not begun', pod({ nodeName: 'n1' }, 'Pending'), ['claim', 'inline']],
  ['runs', pod({ nodeName: 'n1' }), ['inline']],
  ['has ended', pod({}, 'Failed'), ['inline']],
])('of a pod that %s, the volumes that still count are kept', (_, object, kinds) => {
  expect(views.pod(object).volumes.map(({ kind }) => kind)).toEqual(kinds);
});

test('of a pod it is kept that it has the label of an agent', () => {
  const labelled = (labels: Record<string, string>) => views.pod({ metadata: { name: 'p', labels }, spec: {} });
  expect(labelled({ 'app.kubernetes.io/component': 'agent' })).toHaveProperty('isAgent', true);
  expect(labelled({ 'app.kubernetes.io/component': 'operator' })).not.toHaveProperty('isAgent');
});

test.each([
  ['its scheduler found no node', {}, 'Unschedulable', { selector: { disk: 'ssd' } }],
  ['a gate keeps it from its scheduler', {}, 'SchedulingGated', undefined],
  ['it has its node by now', { nodeName: 'n1' }, 'Unschedulable', undefined],
])('what a pod asks of its node is kept while it waits: %s', (_, spec, reason, unscheduled) => {
  const object = pod({ nodeSelector: { disk: 'ssd' }, ...spec }, 'Pending');
  const conditions = [{ type: 'PodScheduled', status: 'False', reason }];
  expect(views.pod({ ...object, status: { ...object.status, conditions } }).unscheduled).toEqual(unscheduled);
});

test.each<[string, NonNullable<Pod['status']>, object, string | undefined]>([
  ['has said nothing of it', {}, {}, 'mine'],
  [
    'found no node',
    { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] },
    {},
    undefined,
  ],
  [
    'may not look yet',
    { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    {},
    undefined,
  ],
  ['is not asked', {}, { nodeName: 'n1' }, undefined],
])('the name of a pod’s scheduler is kept where that %s', (_, status, more, kept) => {
  const spec = { schedulerName: 'mine', ...more };
  expect(views.pod({ metadata: { name: 'p' }, spec, status }).unseenBy).toBe(kept);
});

test('of a disk it is kept that it is free and that no include offers it', () => {
  const disk = { mediaType: 'ssd', total: 4, readOnly: false } as const;
  const deviceInfo = [
    { ...disk, name: '/dev/sdb', inUse: 'mounted' },
    { ...disk, name: '/dev/sdc' },
    { ...disk, name: '/dev/sdd' },
  ];
  const status = { nodeStorageInfo: { deviceInfo }, filteredStorageInfo: { devices: ['/dev/sdc'] } };
  const view = views.storage({ metadata: { name: 'n1' }, status });
  expect(view.unoffered).toEqual([{ name: '/dev/sdd', total: 4, mediaType: 'ssd' }]);
});

/** What every LocalVolume has, and no view keeps. */
const marks = { labels: { ...volumeLabels('n1'), a: 'b' }, finalizers: [VOLUME_FINALIZER, 'f'] };

test('of a LocalVolume what says what it is and how far it has come is kept', () => {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 4, role: 'Volume' } as const;
  const status = { phase: 'Ready', sizeBytes: 4 } as const;
  const metadata = { name: 'v', uid: 'u', deletionTimestamp: '2026-11-21T09:00:00Z' };
  const full = { metadata: { ...metadata, ...marks, resourceVersion: '7' }, spec, status };
  expect(views.volume(full)).toEqual({ metadata, spec, status });
  const kept = { name: 'w', ...marks, annotations: { [KEEP]: 'until DeleteVolume' } };
  expect(views.volume({ metadata: kept, spec })).toEqual({ metadata: { name: 'w' }, spec });
});

test('of a LocalVolume that lacks its label, its finalizer or the mark that keeps its data the first two are kept', () => {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 4, role: 'Volume' } as const;
  const kept = (metadata: ObjectMeta) => views.volume({ metadata, spec }).metadata;
  expect(kept({ ...marks, labels: { a: 'b' } })).toEqual({ ...marks, labels: { a: 'b' } });
  expect(kept({ ...marks, finalizers: ['f'] })).toEqual({ ...marks, finalizers: ['f'] });
  expect(kept({ labels: marks.labels })).toEqual({ labels: marks.labels, finalizers: [] });
  expect(kept({ finalizers: marks.finalizers })).toEqual({ labels: {}, finalizers: marks.finalizers });
  expect(kept(marks)).toEqual(marks);
});

test('of a LocalVolume that is deleted it is kept whether its data is held', () => {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 4, role: 'Volume' } as const;
  const annotations = { [KEEP]: 'until DeleteVolume' };
  const deleted = { name: 'v', deletionTimestamp: '2026-11-21T09:00:00Z', annotations };
  expect(
    views.volume({ metadata: { ...marks, ...deleted, annotations: { ...annotations, other: 'x' } }, spec }).metadata,
  ).toEqual(deleted);
  expect(views.volume({ metadata: { ...marks, name: 'v', annotations }, spec }).metadata).toEqual({ name: 'v' });
});

test('of a LocalVolume it is kept which filesystem its device was given, where its spec names none', () => {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 4, role: 'Volume' } as const;
  const metadata = { name: 'v', annotations: { [FORMATTED]: 'xfs' } };
  const annotations = { ...metadata.annotations, [KEEP]: 'until DeleteVolume' };
  const object = { metadata: { ...marks, ...metadata, annotations }, spec };
  expect(views.volume(object).metadata).toEqual(metadata);
  expect(views.volume({ ...object, spec: { ...spec, fsType: 'xfs' } }).metadata).toEqual({ name: 'v' });
});

test('the claim of a PersistentVolume is kept where the metrics name it', () => {
  const csi = { driver: DRIVER, volumeHandle: 'v', volumeAttributes: { volumeType: 'LVM', vgName: 'pool-0' } };
  const claimRef = { namespace: 'web', name: 'data', uid: 'c' };
  const pv = {
    metadata: { name: 'v' },
    spec: { capacity: { storage: '1Gi' }, claimRef, csi },
    status: { phase: 'Bound' },
  };
  expect(views.pv(pv)).toMatchObject({ phase: 'Bound', claim: { namespace: 'web', name: 'data' } });
  const foreign = { ...pv, spec: { claimRef, csi: { ...csi, volumeAttributes: {} } } };
  expect(views.pv(foreign).claim).toEqual({ namespace: '', name: '' });
});

test('the storage of a node whose kubelet does not know the driver gets no new volume, and keeps what it has', () => {
  const view = (status: 'True' | 'False', annotations = {}) => {
    const condition = { ...{ type: 'DriverRegistered', status, reason: 'r', message: '' }, lastTransitionTime: '' };
    const volumeGroups = [
      { ...{ name: 'pool-0', physicalVolumes: [], total: 10 }, available: 6, allocatable: 10, extentSize: 1 },
    ];
    const nodeStorageInfo = { volumeGroups, deviceInfo: [{ name: '/dev/sdb', total: 5, readOnly: false } as const] };
    const filteredStorageInfo = { volumeGroups: ['pool-0'], devices: ['/dev/sdb'] };
    return views.storage({
      metadata: { name: 'n1', annotations },
      status: { nodeStorageInfo, filteredStorageInfo, conditions: [condition] },
    });
  };
  expect(view('False')).toMatchObject({
    unregistered: true,
    storage: { groups: [{ reserved: 10, forGrowth: 10 }], units: [{ usable: false }] },
  });
  expect(view('True')).toMatchObject({ storage: { groups: [{ reserved: 0 }], units: [{ usable: true }] } });
  expect(view('False', { [LOST]: 'burnt' })).toMatchObject({ lost: 'burnt', storage: { groups: [], units: [] } });
});

test('of a report it is kept when it was made, and what it refuses', () => {
  const condition = (type: string, status: 'True' | 'False', reason: string) => ({
    ...{ type, status, reason, message: '', lastTransitionTime: '' },
  });
  const nls = {
    metadata: { name: 'n1', uid: 'u' },
    status: {
      nodeStorageInfo: { state: { lastHeartbeatTime: '2026-11-28T10:00:00Z' } },
      conditions: [condition('ConfigAccepted', 'True', 'Accepted'), condition('StrayVolumes', 'False', 'VolumesFound')],
    },
  } as NodeLocalStorage;
  const view = views.storage(nls);
  expect(view).toMatchObject({ reportedAt: Date.parse('2026-11-28T10:00:00Z'), refusals: ['VolumesFound'] });
  const never = views.storage({ metadata: { name: 'n1' } });
  expect(never).not.toHaveProperty('reportedAt');
  expect(never).not.toHaveProperty('refusals');
});
