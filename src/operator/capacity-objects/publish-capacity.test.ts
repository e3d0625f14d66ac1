import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { Ledger } from '../../capacity/ledger.ts';
import { silentLog } from '../../model/log.ts';
import {
  CSI_DRIVERS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  STORAGE_CAPACITIES,
  STORAGE_CLASSES,
} from '../../kube/resource.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { CsiStorageCapacity } from '../../model/objects.ts';
import { parseStorageClass } from '../../model/storage-class.ts';
import { DEFAULT_DRIVER } from '../../model/well-known.ts';
import { createFakeClock, type FakeClock } from '../../wait/fake-clock.ts';
import { feedLedger } from '../follow/feed-ledger.ts';
import { createInformers, followAll } from '../follow/informers.ts';
import { createCapacityPublisher, type CapacityPublisher } from './publish-capacity.ts';
import { createTopology } from '../follow/topology.ts';

const never = new AbortController().signal;
const lvm = parseStorageClass({ volumeType: 'LVM' });
let ours: OurApi;
let ledger: Ledger;
let publisher: CapacityPublisher;
let stop: () => Promise<void>;
let isAwaited: boolean;
let clock: FakeClock;
let noted: string[];
const note = (...what: unknown[]): void => void noted.push(inspect(what));

/** Two nodes with a group of 10 GiB each, and the class `lvm`. */
beforeEach(async () => {
  ours = await startOurApi();
  const { client } = ours;
  await client.create(CSI_DRIVERS, { metadata: { name: DEFAULT_DRIVER }, spec: { storageCapacity: true } }, never);
  const parameters = { volumeType: 'LVM' };
  await client.create(STORAGE_CLASSES, { metadata: { name: 'lvm' }, provisioner: DEFAULT_DRIVER, parameters }, never);
  for (const name of ['n1', 'n2']) await addNode(name, 10);
  ledger = new Ledger({ strategy: 'spread', drivers: [DEFAULT_DRIVER], holdTtlMs: 60_000 });
  stop = async () => {};
  isAwaited = false;
  clock = createFakeClock();
  noted = [];
});
afterEach(async () => {
  await stop();
  await ours.close();
});

function start(namespace = 'default'): void {
  const { client } = ours;
  const stopping = new AbortController();
  const informers = createInformers({
    client,
    drivers: [DEFAULT_DRIVER],
    log: silentLog,
  });
  feedLedger(informers, ledger);
  publisher = createCapacityPublisher({
    client,
    ledger,
    informers,
    topology: createTopology(informers.nodes),
    driverName: DEFAULT_DRIVER,
    namespace,
    log: { ...silentLog, warn: note, error: note },
    isAwaited: () => isAwaited,
    now: () => clock.now(),
    clock,
  });
  const running = Promise.all([followAll(informers, stopping.signal), publisher.run(stopping.signal)]);
  stop = async () => {
    stopping.abort();
    await running;
  };
}

async function addNode(name: string, size: number): Promise<void> {
  await ours.client.create(NODES, { metadata: { name, labels: { 'kubernetes.io/hostname': `host-${name}` } } }, never);
  await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec: { nodeName: name } }, never);
  const all = { total: size * GIB, available: size * GIB, allocatable: size * GIB, extentSize: 4 * MIB };
  const group = { name: 'pool-0', physicalVolumes: ['/dev/sdb'], ...all };
  const status = { nodeStorageInfo: { volumeGroups: [group] }, filteredStorageInfo: { volumeGroups: ['pool-0'] } };
  await ours.client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body: { status } }, never, 'status');
}

const addVolume = (name: string, nodeName: string, size: number) =>
  ours.client.create(
    LOCAL_VOLUMES,
    {
      metadata: { name },
      spec: { nodeName, kind: 'LVM', vgName: 'pool-0', sizeBytes: size * GIB, role: 'Volume' },
    },
    never,
  );

const objects = async (): Promise<readonly CsiStorageCapacity[]> =>
  (await ours.client.list(STORAGE_CAPACITIES, { namespace: 'default' }, never)).items;
/** By the nodes that each is for: its hostname, or `all`, or `all but` some. */
async function sizes(storageClass?: string): Promise<Readonly<Record<string, string | undefined>>> {
  const nodesOf = ({ nodeTopology: { matchLabels, matchExpressions } = {} }: CsiStorageCapacity): string => {
    const [hostname] = Object.values(matchLabels ?? {});
    const [but] = matchExpressions ?? [];
    return hostname ?? (but ? `all but ${but.values?.join(' ')}` : 'all');
  };
  const ours = (await objects()).filter(
    ({ storageClassName }) => storageClassName === (storageClass ?? storageClassName),
  );
  return Object.fromEntries(ours.map((object) => [nodesOf(object), object.maximumVolumeSize]));
}
/** What it wrote itself makes it look again. */
const untilIdle = () => eventually(() => expect(publisher.stats()).toMatchObject({ waiting: 0, running: 0 }));
const refuse = (node: string, size: number) =>
  publisher.refused({ policy: lvm, size: bytes(size * GIB), nodes: [node] });

test('a class has one object, which is the driver’s and stays as it is while volumes come and go', async () => {
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  const [object] = await objects();
  expect(object).toMatchObject({
    storageClassName: 'lvm',
    capacity: '10Gi',
    metadata: {
      labels: { 'csi.storage.k8s.io/managed-by': 'open-local-operator' },
      ownerReferences: [{ kind: 'CSIDriver', name: DEFAULT_DRIVER }],
    },
  });
  await addVolume('v', 'n1', 9);
  await addNode('n3', 30);
  await eventually(async () => expect(await sizes()).toEqual({ all: '30Gi' }));
});

test('a node that turned a volume away is told to the byte, and more as soon as it has more', async () => {
  await addVolume('v', 'n1', 8);
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  refuse('n1', 3);
  const rest = { 'all but host-n1': '10Gi' };
  await eventually(async () => expect(await sizes()).toEqual({ 'host-n1': '2Gi', ...rest }));
  await untilIdle();
  await ours.client.delete(LOCAL_VOLUMES, { name: 'v' }, never);
  await eventually(async () => expect(await sizes()).toEqual({ 'host-n1': '10Gi', ...rest }));
  await untilIdle();
  await addVolume('w', 'n1', 4);
  await eventually(async () => expect(await sizes()).toEqual({ 'host-n1': '6Gi', ...rest }));
});

test('two minutes after its last refusal a node has no object of its own any more', async () => {
  start();
  const all = { all: '10Gi' };
  const own = { 'host-n1': '10Gi', 'all but host-n1': '10Gi' };
  await eventually(async () => expect(await sizes()).toEqual(all));
  refuse('n1', 3);
  await eventually(async () => expect(await sizes()).toEqual(own));
  await untilIdle();
  await clock.advance(60_000);
  refuse('n1', 3);
  await untilIdle();
  await clock.advance(119_999);
  await untilIdle();
  expect(await sizes()).toEqual(own);
  await clock.advance(await clock.untilAsleep());
  await eventually(async () => expect(await sizes()).toEqual(all));
});

test('with it the other nodes are told that have no room for it either', async () => {
  await addNode('n3', 30);
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '30Gi' }));
  refuse('n1', 11);
  await eventually(async () =>
    expect(await sizes()).toEqual({
      'host-n1': '10Gi',
      'host-n2': '10Gi',
      'all but host-n1 host-n2': '30Gi',
    }),
  );
});

test('what an earlier leader left is removed, what others made is not', async () => {
  const left = (name: string, manager: string) => ({
    metadata: {
      namespace: 'default',
      name,
      labels: { 'csi.storage.k8s.io/drivername': DEFAULT_DRIVER, 'csi.storage.k8s.io/managed-by': manager },
    },
    storageClassName: 'gone',
    nodeTopology: { matchLabels: { 'kubernetes.io/hostname': name } },
    maximumVolumeSize: '1Gi',
  });
  await ours.client.create(STORAGE_CAPACITIES, left('ours', 'open-local-operator'), never);
  await ours.client.create(STORAGE_CAPACITIES, left('other', 'external-provisioner'), never);
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi', other: '1Gi' }));
});

test('while the scheduler looks at no capacity there are no objects', async () => {
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  const look = (storageCapacity: boolean) =>
    ours.client.patch(
      CSI_DRIVERS,
      { name: DEFAULT_DRIVER },
      { type: 'merge', body: { spec: { storageCapacity } } },
      never,
    );
  await look(false);
  await eventually(async () => expect(await sizes()).toEqual({}));
  await look(true);
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
});

test.each(['1Gi', '8Ei'])('an object that somebody deletes, or changes to %s, is made right again', async (size) => {
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  const [{ metadata: { name = '' } } = { metadata: {} }] = await objects();
  const body = { maximumVolumeSize: size };
  await ours.client.patch(STORAGE_CAPACITIES, { namespace: 'default', name }, { type: 'merge', body }, never);
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  await ours.client.delete(STORAGE_CAPACITIES, { namespace: 'default', name }, never);
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
});

test('an object whose labels somebody took off gets them back, and one of another driver stays as it is', async () => {
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  const [made] = await objects();
  const [name = '', labels] = [made?.metadata.name, made?.metadata.labels];
  const key = { namespace: 'default', name };
  const without = { metadata: { labels: null }, maximumVolumeSize: '1Gi' };
  await ours.client.patch(STORAGE_CAPACITIES, key, { type: 'merge', body: without }, never);
  await eventually(async () => expect((await objects())[0]?.metadata.labels).toEqual(labels));
  expect(await sizes()).toEqual({ all: '10Gi' });

  const other = { metadata: { labels: { 'csi.storage.k8s.io/drivername': 'other' } }, maximumVolumeSize: '1Gi' };
  await ours.client.patch(STORAGE_CAPACITIES, key, { type: 'merge', body: other }, never);
  const more = { metadata: { name: 'more' }, provisioner: DEFAULT_DRIVER, parameters: { volumeType: 'LVM' } };
  await ours.client.create(STORAGE_CLASSES, more, never);
  const byClass = async () => new Map((await objects()).map((one) => [one.storageClassName, one.maximumVolumeSize]));
  await eventually(async () => expect((await byClass()).get('more')).toBe('10Gi'));
  await untilIdle();
  expect((await byClass()).get('lvm')).toBe('1Gi');
});

test('room that is freed while a pod waits makes one object change, so that the scheduler asks again', async () => {
  const versions = async () => (await objects()).map(({ metadata }) => metadata.resourceVersion);
  await addVolume('v', 'n1', 8);
  await addVolume('w', 'n1', 1);
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  await untilIdle();
  const before = await versions();
  await ours.client.delete(LOCAL_VOLUMES, { name: 'w' }, never);
  await eventually(() => expect(ledger.node('n1')?.groups[0]?.free).toBe(2 * GIB));
  expect(await versions()).toEqual(before);
  isAwaited = true;
  await ours.client.delete(LOCAL_VOLUMES, { name: 'v' }, never);
  await eventually(async () => expect(await versions()).not.toEqual(before));
  expect(await sizes()).toEqual({ all: '10Gi' });
});

test('a namespace that is not there is told', async () => {
  start('storage');
  await eventually(() => expect(noted.join()).toMatch(/namespaces .*storage.* not found/));
});

test('the last node that goes leaves the size of its group behind, by which an autoscaler adds it again', async () => {
  start();
  await eventually(async () => expect(await sizes()).toEqual({ all: '10Gi' }));
  const { client } = ours;
  for (const name of ['n1', 'n2']) await client.delete(NODE_LOCAL_STORAGES, { name }, never);
  const parameters = { volumeType: 'LVM' };
  await client.create(STORAGE_CLASSES, { metadata: { name: 'later' }, provisioner: DEFAULT_DRIVER, parameters }, never);
  await eventually(async () => expect(await sizes('later')).toEqual({ all: '9007199254740991' }));
  expect(await sizes('lvm')).toEqual({ all: '10Gi' });
});
