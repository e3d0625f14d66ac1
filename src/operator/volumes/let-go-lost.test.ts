import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { silentLog } from '../../model/log.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES, PODS, VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DEFAULT_DRIVER, KEEP, LET_GO, LOST, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createFakeClock, type FakeClock } from '../../wait/fake-clock.ts';
import { allSynced, createInformers, followAll, type Informers } from '../follow/informers.ts';
import { letGoOfLostVolumes } from './let-go-lost.ts';

const GRACE_MS = 300_000;
const never = new AbortController().signal;
let ours: OurApi;
let clock: FakeClock;
let informers: Informers;
let events: Occurrence[];
let causes: string[];
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
  clock = createFakeClock();
  events = [];
  causes = [];
  for (const name of ['n1', 'n2']) {
    await ours.client.create(NODES, { metadata: { name } }, never);
    await ours.client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec: { nodeName: name } }, never);
  }
  const status = {
    nodeStorageInfo: {
      volumeGroups: [{ name: 'pool-0', physicalVolumes: ['/dev/sdb'], total: GIB, available: GIB, allocatable: GIB }],
    },
  };
  const patch = { type: 'merge', body: { status } } as const;
  await ours.client.patch(NODE_LOCAL_STORAGES, { name: 'n1' }, patch, never, 'status');
});
afterEach(async () => {
  await stop();
  await ours.close();
});

/** `change` is what the operator hears, where that differs from what there is. */
async function start(change: (heard: Informers) => Informers = (heard) => heard): Promise<void> {
  const { client } = ours;
  const stopping = new AbortController();
  informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const deps = {
    ...{ client, informers: change(informers), drivers: [DEFAULT_DRIVER], clock, log: silentLog, graceMs: GRACE_MS },
    events: { record: (event: Occurrence) => void events.push(event) },
    onLetGo: (cause: string) => void causes.push(cause),
  };
  const running = Promise.all([followAll(informers, stopping.signal), letGoOfLostVolumes(deps, stopping.signal)]);
  stop = async () => {
    stopping.abort();
    await running;
  };
  await allSynced(informers, stopping.signal);
}

async function add(name: string, nodeName = 'n1', changes: Partial<LocalVolume['spec']> = {}): Promise<void> {
  const spec = { nodeName, kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...changes } as const;
  const metadata = { name, finalizers: [VOLUME_FINALIZER] };
  await ours.client.create(LOCAL_VOLUMES, { metadata, spec }, never);
  const patch = { type: 'merge', body: { status: { phase: 'Ready', sizeBytes: GIB } } } as const;
  await ours.client.patch(LOCAL_VOLUMES, { name }, patch, never, 'status');
}
const remove = (name: string) => ours.client.delete(LOCAL_VOLUMES, { name }, never);
const removeNode = async (name: string): Promise<void> => {
  await ours.client.delete(NODES, { name }, never);
  await ours.client.delete(NODE_LOCAL_STORAGES, { name }, never);
};
const exists = (name: string): boolean => ours.api.stored('localvolumes', name) !== undefined;
const annotate = (name: string, annotations: Record<string, string | null>) =>
  ours.client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body: { metadata: { annotations } } }, never);

/** The informer has the last event of this object, and so all that came before in its kind. */
const isHeard = (name: string, node = 'n1') =>
  eventually(() => {
    expect(informers.volumes.get(name)?.metadata.deletionTimestamp).toBeDefined();
    expect(informers.nodes.get(node)).toBeUndefined();
  });

test('a volume that is deleted on a node that is gone goes after the grace time; what stays where is told', async () => {
  await start();
  await add('v');
  await add('other', 'n2');
  await removeNode('n1');
  await remove('v');
  await remove('other');
  await isHeard('v');
  await clock.advance(GRACE_MS - 1000);
  expect(exists('v')).toBe(true);
  await clock.advance(1000);
  await eventually(() => expect(exists('v')).toBe(false));
  await eventually(() => expect(events).toHaveLength(1));
  expect(events[0]).toMatchObject({
    subject: { kind: 'LocalVolume', name: 'v' },
    reason: 'DataLeft',
    message: expect.stringContaining('logical volume pool-0/v (1 GiB) on /dev/sdb of node n1') as string,
  });
  await eventually(() => expect(causes).toEqual(['node-gone']));
  await clock.advance(10 * GRACE_MS);
  expect(exists('other')).toBe(true);
});

test('the PersistentVolume of a volume that is let go is marked before the object goes, and no other', async () => {
  const csi = { volumeHandle: 'v', volumeAttributes: {} };
  const addPv = (name: string, driver: string) =>
    ours.client.create(
      VOLUMES,
      {
        metadata: { name },
        spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], csi: { ...csi, driver } },
      },
      never,
    );
  await addPv('pv-1', DEFAULT_DRIVER);
  await addPv('pv-2', 'other.example.org');
  await add('v');
  await start();
  await annotate('n1', { [LOST]: 'burnt' });
  const failed = ours.api.troubles.fail({ verb: 'patch', resource: 'persistentvolumes' }, { code: 503 }, 1);
  await remove('v');
  await eventually(() => expect(failed.hits()).toBe(1));
  expect(exists('v')).toBe(true);
  await clock.advance(60_000);
  await eventually(() => expect(exists('v')).toBe(false));
  const marks = ['pv-1', 'pv-2'].map((name) => ours.api.stored('persistentvolumes', name)?.metadata.annotations);
  expect(marks).toEqual([{ [LET_GO]: 'an administrator calls node n1 lost (burnt)' }, undefined]);
});

test('a node that was gone before the operator began is given the whole grace time', async () => {
  await add('v');
  await removeNode('n1');
  await remove('v');
  await start();
  await isHeard('v');
  expect(await clock.untilAsleep()).toBe(GRACE_MS);
  await clock.advance(GRACE_MS);
  await eventually(() => expect(exists('v')).toBe(false));
});

test('a node that is back in time keeps its volumes', async () => {
  await start();
  await add('v');
  await removeNode('n1');
  await remove('v');
  await isHeard('v');
  await clock.advance(GRACE_MS - 1000);
  await ours.client.create(NODES, { metadata: { name: 'n1' } }, never);
  await eventually(() => expect(informers.nodes.get('n1')).toBeDefined());
  await clock.advance(GRACE_MS);
  await add('w');
  await remove('w');
  await eventually(() => expect(informers.volumes.get('w')?.metadata.deletionTimestamp).toBeDefined());
  expect([exists('v'), causes]).toEqual([true, []]);
});

test('a Node that the API server still has keeps its volumes, whatever was heard', async () => {
  await start((heard) => ({ ...heard, nodes: { ...heard.nodes, get: () => undefined } }));
  await add('v');
  await add('w', 'n2');
  await remove('v');
  await removeNode('n2');
  await remove('w');
  await isHeard('w', 'n2');
  await clock.advance(GRACE_MS);
  await eventually(() => expect(exists('w')).toBe(false));
  expect(exists('v')).toBe(true);
});

test('an administrator may call a node lost that still has its Node; its room is gone at once', async () => {
  await start();
  await add('v');
  await remove('v');
  await annotate('n1', { [LOST]: 'the rack burnt down' });
  // The object is gone before its removal is counted and told.
  await eventually(() => expect(causes).toEqual(['administrator']));
  expect(exists('v')).toBe(false);
  await eventually(() => expect(events).not.toEqual([]));
  expect(events[0]?.message).toContain('the rack burnt down');
  expect(informers.storages.get('n1')?.storage).toMatchObject({ groups: [], units: [] });
});

test('an administrator may call one volume lost', async () => {
  await start();
  await add('v');
  await add('w');
  await remove('w');
  await remove('v');
  const body = { metadata: { annotations: { [LOST]: 'its disk is broken' } } };
  await ours.client.patch(LOCAL_VOLUMES, { name: 'v' }, { type: 'merge', body }, never);
  await eventually(() => expect(exists('v')).toBe(false));
  expect(exists('w')).toBe(true);
});

test('data that is kept, and volumes that nobody deleted, stay', async () => {
  await add('kept');
  const body = { metadata: { annotations: { [KEEP]: 'until DeleteVolume' } } };
  await ours.client.patch(LOCAL_VOLUMES, { name: 'kept' }, { type: 'merge', body }, never);
  await add('used');
  await add('last');
  await start();
  await removeNode('n1');
  await remove('kept');
  await remove('last');
  await isHeard('last');
  await clock.advance(GRACE_MS);
  await eventually(() => expect(exists('last')).toBe(false));
  expect([exists('kept'), exists('used')]).toEqual([true, true]);
});

test('of a lost node, inline volumes of no pod and volumes that were never made go too', async () => {
  await start();
  await add('csi-inline', 'n1', { role: 'Ephemeral' });
  const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' } as const;
  for (const name of ['unmade', 'adopted'])
    await ours.client.create(LOCAL_VOLUMES, { metadata: { name, finalizers: [VOLUME_FINALIZER] }, spec }, never);
  const csi = { driver: DEFAULT_DRIVER, volumeHandle: 'adopted' };
  const pv = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], csi };
  await ours.client.create(VOLUMES, { metadata: { name: 'pv' }, spec: pv }, never);
  const pod = { nodeName: 'n1', containers: [{ name: 'c', image: 'c' }] };
  await ours.client.create(PODS, { metadata: { namespace: 'default', name: 'p' }, spec: pod }, never);
  await eventually(() => expect([informers.pods.get('default/p'), informers.pvs.get('pv')]).not.toContain(undefined));
  await removeNode('n1');
  await eventually(() => expect(informers.nodes.get('n1')).toBeUndefined());
  await clock.advance(GRACE_MS);
  await eventually(() => expect(exists('unmade')).toBe(false));
  expect([exists('csi-inline'), exists('adopted')]).toEqual([true, true]);
  await ours.client.delete(PODS, { namespace: 'default', name: 'p' }, never, { gracePeriodSeconds: 0 });
  await eventually(() => expect(informers.pods.get('default/p')).toBeUndefined());
  await clock.advance(GRACE_MS);
  await eventually(() => expect(exists('csi-inline')).toBe(false));
});
