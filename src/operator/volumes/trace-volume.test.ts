import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import type { Trace, Traces } from '../../csi/ports.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES, VOLUMES } from '../../kube/resource.ts';
import { bytes, GIB } from '../../model/bytes.ts';
import type { NlsDevice, NodeLocalStorage } from '../../model/objects.ts';
import { DEFAULT_DRIVER, LEGACY_DRIVER, LET_GO, LOST } from '../../model/well-known.ts';
import { silentLog } from '../../model/log.ts';
import { allSynced, createInformers, followAll, type Informers } from '../follow/informers.ts';
import { createTraces, traceIn, type Clues } from './trace-volume.ts';

const never = new AbortController().signal;
const ID = 'pvc-1';
type Status = NonNullable<NodeLocalStorage['status']>;
type Info = NonNullable<Status['nodeStorageInfo']>;

const group = (name: string, ...volumes: string[]) => ({
  ...{ name, physicalVolumes: ['/dev/sdb'], total: GIB, available: GIB, allocatable: GIB },
  logicalVolumes: volumes.map((volume) => ({ name: volume, vgname: name, total: GIB })),
});
const disk = (more: Partial<NlsDevice> = {}): NlsDevice => ({ name: '/dev/sdc', total: GIB, readOnly: false, ...more });
const mount = { name: '/mnt/a', total: GIB, available: GIB, isBind: false, readOnly: false };

type Takes = NonNullable<Clues['home']>['takes'];
const ON_LVM: Takes = { kind: 'LVM', where: 'pool-0', size: bytes(GIB) };
const ON_DISK: Takes = { kind: 'Device', where: '/dev/sdc', size: bytes(GIB) };
const ON_MOUNT: Takes = { kind: 'MountPoint', where: '/mnt/a', size: bytes(GIB) };

function judge(takes: Takes, info: Info | undefined, more: Partial<Clues> = {}): Trace {
  const filteredStorageInfo = { devices: ['/dev/sdc'] };
  const report = { metadata: { name: 'n1' }, status: { filteredStorageInfo, ...(info && { nodeStorageInfo: info }) } };
  return traceIn({ id: ID, elsewhere: [], isTaken: () => false, home: { node: 'n1', takes, report }, ...more });
}

test.each<[string, Trace['kind'], Trace]>([
  ['its group is reported without it', 'none', judge(ON_LVM, { volumeGroups: [group('pool-0', 'other')] })],
  ['it is in its group', 'found', judge(ON_LVM, { volumeGroups: [group('pool-0', ID), group('pool-1')] })],
  ['it is in another group of its node', 'doubtful', judge(ON_LVM, { volumeGroups: [group('pool-1', ID)] })],
  ['two groups have it', 'doubtful', judge(ON_LVM, { volumeGroups: [group('pool-0', ID), group('pool-0', ID)] })],
  [
    'another node has one of its name too',
    'doubtful',
    judge(ON_LVM, { volumeGroups: [group('pool-0', ID)] }, { elsewhere: [{ node: 'n2', vgName: 'pool-0' }] }),
  ],
  [
    'only another node has one of its name',
    'doubtful',
    judge(ON_LVM, { volumeGroups: [group('pool-0')] }, { elsewhere: [{ node: 'n2', vgName: 'pool-0' }] }),
  ],
  ['its group is not reported', 'unknown', judge(ON_LVM, { volumeGroups: [group('pool-1')] })],
  ['its node has reported no group at all', 'unknown', judge(ON_LVM, {})],
  ['its node has reported nothing', 'unknown', judge(ON_LVM, undefined)],
  ['nobody says where it was, and nobody has it', 'none', traceIn({ id: ID, elsewhere: [], isTaken: () => false })],
  [
    'nobody says where it was, and a node has one of its name',
    'doubtful',
    traceIn({ id: ID, elsewhere: [{ node: 'n2', vgName: 'pool-0' }], isTaken: () => false }),
  ],
  ['its disk is free', 'none', judge(ON_DISK, { deviceInfo: [disk()] })],
  ['its disk is not free', 'doubtful', judge(ON_DISK, { deviceInfo: [disk({ inUse: 'holds ext4' })] })],
  [
    'its disk has another volume by now',
    'none',
    judge(
      ON_DISK,
      { deviceInfo: [disk({ inUse: 'belongs to volume pvc-2' })] },
      { isTaken: (at) => at === '/dev/sdc' },
    ),
  ],
  ['its disk is not there', 'unknown', judge(ON_DISK, { deviceInfo: [disk({ name: '/dev/sdd' })] })],
  [
    'its disk is not managed any more',
    'doubtful',
    judge({ ...ON_DISK, where: '/dev/sdd' }, { deviceInfo: [disk({ name: '/dev/sdd' })] }),
  ],
  ['its mount point may hold its files', 'found', judge(ON_MOUNT, { mountPoints: [mount] })],
  [
    'its mount point has another volume by now',
    'none',
    judge(ON_MOUNT, { mountPoints: [mount] }, { isTaken: () => true }),
  ],
  ['its mount point is not mounted', 'unknown', judge(ON_MOUNT, { mountPoints: [] })],
])('when %s, the trace is %s', (_, kind, trace) => {
  expect(trace.kind).toBe(kind);
});

test('the trace names node and group, so that a person finds it', () => {
  const places = [{ node: 'n2', vgName: 'pool-9' }];
  expect(judge(ON_LVM, { volumeGroups: [group('pool-0', ID)] }, { elsewhere: places })).toMatchObject({
    what: expect.stringMatching(
      /n2 reports logical volume pool-9\/pvc-1, node n1 reports logical volume pool-0\/pvc-1/,
    ),
  });
  expect(judge(ON_LVM, { volumeGroups: [group('pool-0', ID)] })).toEqual({
    kind: 'found',
    node: 'n1',
    vgName: 'pool-0',
  });
});

let ours: OurApi;
let stop: (() => Promise<void>) | undefined;
let informers: Informers;
beforeEach(async () => {
  ours = await startOurApi();
});
afterEach(async () => {
  await stop?.();
  stop = undefined;
  await ours.close();
});

async function addNode(name: string, hostname: string, volumeGroups: Info['volumeGroups'], managed = ['pool-0']) {
  const { client } = ours;
  await client.create(NODES, { metadata: { name, labels: { 'kubernetes.io/hostname': hostname } } }, never);
  await client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec: { nodeName: name } }, never);
  const status = { nodeStorageInfo: { volumeGroups }, filteredStorageInfo: { volumeGroups: managed } };
  await client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body: { status } }, never, 'status');
}

const addPv = (driver: string, hostname: string, volumeHandle = ID, name = volumeHandle, more = {}) =>
  ours.client.create(
    VOLUMES,
    {
      metadata: { name },
      spec: {
        ...{ persistentVolumeReclaimPolicy: 'Delete', ...more },
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        csi: { driver, volumeHandle, volumeAttributes: { volumeType: 'LVM', vgName: 'pool-0' } },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [hostname] }] },
            ],
          },
        },
      },
    },
    never,
  );

/** Makes the volume's object and takes it away, both heard of. */
async function removeObject(): Promise<void> {
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' } as const;
  await ours.client.create(LOCAL_VOLUMES, { metadata: { name: ID }, spec }, never);
  await eventually(() => expect(informers.volumes.get(ID)).toBeDefined());
  await ours.client.delete(LOCAL_VOLUMES, { name: ID }, never);
  await eventually(() => expect(informers.volumes.get(ID)).toBeUndefined());
}

async function startTraces({ reportMs = 20_000 } = {}): Promise<Traces> {
  const { client } = ours;
  const stopping = new AbortController();
  const drivers = [DEFAULT_DRIVER, LEGACY_DRIVER];
  informers = createInformers({ client, drivers, log: silentLog });
  const running = followAll(informers, stopping.signal);
  stop = async () => {
    stopping.abort();
    await running;
  };
  await allSynced(informers, never);
  return createTraces({
    client,
    informers,
    drivers,
    contents: { keptBy: async () => [], givenTo: async () => [] },
    reportMs,
  });
}

test.each([DEFAULT_DRIVER, LEGACY_DRIVER])(
  'a volume of %s is looked for where its PersistentVolume says',
  async (driver) => {
    await addNode('n1', 'host-1', [group('pool-0', ID)], []); // also in a group that is not managed any more
    await addNode('n2', 'host-2', [group('pool-0')]);
    await addPv(driver, 'host-1');
    expect(await (await startTraces()).traceOf(ID, never)).toEqual({ kind: 'found', node: 'n1', vgName: 'pool-0' });
  },
);

test("another driver's PersistentVolume says nothing of ours", async () => {
  await addNode('n1', 'host-1', [group('pool-0', ID)]);
  await addPv('other.example.org', 'host-1');
  expect((await (await startTraces()).traceOf(ID, never)).kind).toBe('doubtful');
});

test('nothing is asked of a node that an administrator calls lost, or that is gone', async () => {
  await addNode('n1', 'host-1', [group('pool-0', ID)]);
  await addPv(DEFAULT_DRIVER, 'host-1');
  await addPv(DEFAULT_DRIVER, 'host-9', 'pvc-9');
  const lost = { metadata: { annotations: { [LOST]: 'burnt' } } };
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body: lost }, never);
  const traces = await startTraces();
  expect(await traces.traceOf(ID, never)).toEqual({ kind: 'none' });
  expect(await traces.traceOf('pvc-9', never)).toEqual({ kind: 'none' });
});

test('a node that removed the volume has a moment to report it', async () => {
  await addNode('n1', 'host-1', [group('pool-0', ID)]);
  await addPv(DEFAULT_DRIVER, 'host-1');
  const traces = await startTraces();
  await removeObject();
  const trace = traces.traceOf(ID, never);
  const info = { volumeGroups: [group('pool-0')] };
  const body = { status: { nodeStorageInfo: info } };
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, { type: 'merge', body }, never, 'status');
  expect(await trace).toEqual({ kind: 'none' });
});

test('a volume whose object was stripped is found when its node goes on reporting it', async () => {
  await addNode('n1', 'host-1', [group('pool-0', ID)]);
  await addPv(DEFAULT_DRIVER, 'host-1');
  const traces = await startTraces({ reportMs: 20 });
  await removeObject();
  expect(await traces.traceOf(ID, never)).toEqual({ kind: 'found', node: 'n1', vgName: 'pool-0' });
});

test('a volume that was let go is looked for nowhere, whoever let it go', async () => {
  await addNode('n1', 'host-1', [group('pool-0', ID)]);
  await addPv(DEFAULT_DRIVER, 'host-1');
  const annotations = { [LET_GO]: 'its disk is lost' };
  await ours.client.patch(VOLUMES, { name: ID }, { type: 'merge', body: { metadata: { annotations } } }, never);
  expect(await (await startTraces()).traceOf(ID, never)).toEqual({ kind: 'none' });
});

test.each<[string, object, string, readonly string[]]>([
  ['a claim has it', {}, 'Bound', ['second']],
  ['a claim may have it', {}, 'Available', ['second']],
  ['it is to be retained', { persistentVolumeReclaimPolicy: 'Retain' }, 'Released', ['second']],
  ['it is to be deleted too', { persistentVolumeReclaimPolicy: 'Delete' }, 'Released', []],
])('a second PersistentVolume of a volume keeps its data: %s', async (_, spec, phase, want) => {
  await addPv(DEFAULT_DRIVER, 'host-1');
  const traces = await startTraces();
  const kept = (pv: string): boolean | undefined => informers.pvs.get(pv)?.keepsData;
  const tell = async (name: string, told: string): Promise<void> => {
    await ours.client.patch(VOLUMES, { name }, { type: 'merge', body: { status: { phase: told } } }, never, 'status');
    await eventually(() => expect(informers.pvs.get(name)?.phase).toBe(told));
  };
  await tell(ID, 'Bound');
  expect([kept(ID), traces.keptBy(ID)]).toEqual([true, []]); // the only one is the one that is deleted
  await tell(ID, 'Released');
  await addPv(DEFAULT_DRIVER, 'host-1', ID, 'second', spec);
  await addPv(LEGACY_DRIVER, 'host-1', 'pvc-2');
  await addPv('other.example.org', 'host-1', ID, 'third');
  await tell('second', phase);
  expect(traces.keptBy(ID)).toEqual(want);
});

test('while the API server does not say what the node has, nothing is known', async () => {
  await addNode('n1', 'host-1', [group('pool-0', ID)]);
  await addPv(DEFAULT_DRIVER, 'host-1');
  const traces = await startTraces();
  ours.api.troubles.fail({ verb: 'get', resource: 'nodelocalstorages' }, { code: 403 });
  await expect(traces.traceOf(ID, never)).rejects.toMatchObject({ kind: 'unavailable' });
});
