import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import {
  CLAIMS,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  NODE_LOCAL_STORAGES,
  NODES,
  PODS,
  STORAGE_CLASSES,
  type Resource,
} from '../../src/kube/resource.ts';
import { sameLimits } from '../../src/model/mutable-parameters.ts';
import type { IoLimits } from '../../src/model/storage-class.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../src/model/objects.ts';
import { parseQuantity } from '../../src/model/quantity.ts';
import { GONE_SINCE } from '../../src/model/well-known.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import { STATEFUL_SETS } from '../../sandbox/controllers/kinds.ts';
import { joinNode } from '../../sandbox/cluster/simulated-node.ts';
import { watchEvictions } from './instruments/evictions.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { startSystem, type System } from './system/system.ts';
import { CHECKOUT } from './cluster/program.ts';
import { until } from './cluster/until.ts';
import {
  claimSpec,
  createPods,
  createStatefulSet,
  deletePods,
  untilRunning,
  type PodWish,
} from './instruments/workload.ts';

const never = new AbortController().signal;
const WITHIN_MS = 60_000;
const ATTRIBUTES_CLASSES: Resource = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'volumeattributesclasses',
  kind: 'VolumeAttributesClass',
  namespaced: false,
};

/** Two nodes with a volume group of 20 GiB each. */
let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 2, disks: `/dev/sdb:${20 * 1024 + 1}Mi:ssd` }],
    replicas: 1,
  });
});
afterAll(() => system?.stop());

afterEach(async () => {
  const names = (objects: readonly KubeObject[]): string[] => objects.map(({ metadata }) => metadata.name ?? '');
  const { client, stores } = system;
  const gone = (deletion: Promise<void>): Promise<void> => deletion.catch(() => undefined);
  await forEachOf(names(stores.pods.list()), 10, (name) =>
    gone(client.delete(PODS, { namespace: 'default', name }, never)),
  );
  await forEachOf(names(stores.claims.list()), 10, (name) =>
    gone(client.delete(CLAIMS, { namespace: 'default', name }, never)),
  );
  await until('nothing is left', [stores.pods, stores.localVolumes, stores.volumes], WITHIN_MS, () =>
    [stores.pods, stores.localVolumes, stores.volumes].every((store) => store.list().length === 0),
  );
  // The nodes must have reported the freed room, too.
  const groups = () => stores.nodeStorages.list().flatMap(({ status }) => status?.nodeStorageInfo?.volumeGroups ?? []);
  await until('the nodes are empty', [stores.nodeStorages], WITHIN_MS, () =>
    groups().every(({ logicalVolumes }) => (logicalVolumes ?? []).length === 0),
  );
});

const nodeOf = (pod: string): string | undefined => system.stores.pods.get(`default/${pod}`)?.spec?.nodeName;
const claim = (name: string): PersistentVolumeClaim | undefined => system.stores.claims.get(`default/${name}`);
const volumeOf = (name: string): LocalVolume | undefined =>
  system.stores.localVolumes.list().find(({ spec }) => spec.claim?.name === name);
/** Runs one pod with claims of these sizes. */
async function running(wish: PodWish): Promise<void> {
  await createPods(system, [wish]);
  await untilRunning(system, [wish.name], WITHIN_MS);
}
const untilEvent = (reason: string, about: string, says: RegExp): Promise<string> =>
  until(
    `an Event ${reason} about ${about} says ${says}`,
    [system.stores.events],
    WITHIN_MS,
    () =>
      system.stores.events
        .list()
        .find((event) => event.reason === reason && event.involvedObject.name === about && says.test(event.message))
        ?.message,
    () =>
      system.stores.events
        .list()
        .flatMap((event) => (event.involvedObject.name === about ? [[event.reason, event.message]] : [])),
  );
const ask = (name: string, storage: string): Promise<unknown> =>
  system.client.patch(
    CLAIMS,
    { namespace: 'default', name },
    { type: 'merge', body: { spec: { resources: { requests: { storage } } } } },
    never,
  );
const untilClaimHas = (name: string, storage: string): Promise<true> =>
  until(`claim ${name} has ${storage}`, [system.stores.claims], WITHIN_MS, () => {
    const now = claim(name)?.status?.capacity?.['storage'];
    return now !== undefined && parseQuantity(now) === parseQuantity(storage);
  });

test('6: a claim grows through the resizer while its pod runs', async () => {
  await running({ name: 'grows', sizes: ['2Gi'] });
  await ask('grows-0', '5Gi');
  await untilClaimHas('grows-0', '5Gi');
  expect(volumeOf('grows-0')?.status?.sizeBytes).toBe(5 * 2 ** 30);
  expect(broken(await promised(system))).toEqual([]);
});

test('6: a claim that cannot grow is told why and keeps its size and its room', async () => {
  await running({ name: 'stays', sizes: ['2Gi'] });
  await ask('stays-0', '21Gi');
  await untilEvent('VolumeResizeFailed', 'stays-0', /21 GiB/);
  expect(volumeOf('stays-0')?.spec.sizeBytes).toBe(2 * 2 ** 30);
  // The room that the claim did not get is free for others.
  await running({ name: 'other', sizes: ['18Gi'] });
  await running({ name: 'third', sizes: ['18Gi'] });
  expect(broken(await promised(system))).toEqual([]);
});

test('6: the limits of a claim change by its VolumeAttributesClass, and a class of nonsense is told on the claim', async () => {
  await system.kubectl('apply', '-f', path.join(CHECKOUT, 'examples/limits.yaml'));
  const nonsense = { driverName: 'local.csi.aliyun.com', parameters: { bps: '10m' } };
  await system.client.create(ATTRIBUTES_CLASSES, { metadata: { name: 'nonsense' }, ...nonsense }, never);
  const choose = (volumeAttributesClassName: string): Promise<unknown> =>
    system.client.patch(
      CLAIMS,
      { namespace: 'default', name: 'paced-0' },
      { type: 'merge', body: { spec: { volumeAttributesClassName } } },
      never,
    );
  const untilLimits = (wanted: IoLimits): Promise<true> =>
    until('the volume has the limits', [system.stores.localVolumes], WITHIN_MS, () =>
      sameLimits(volumeOf('paced-0')?.spec.limits, wanted),
    );
  const own = { readBps: 100 * 2 ** 20, writeBps: 100 * 2 ** 20, readIops: 2000, writeIops: 2000 };
  await running({ name: 'paced', sizes: ['1Gi'], storageClass: 'open-local-lvm-io-throttle' });
  await untilLimits(own);
  await choose('open-local-gold');
  await untilLimits({ ...own, readBps: 400 * 2 ** 20, writeBps: 200 * 2 ** 20 });
  await choose('nonsense');
  await untilEvent('VolumeModifyFailed', 'paced-0', /InvalidArgument.*parameter bps: "10m" is not a whole number/);
  await choose('open-local-as-storage-class');
  await untilLimits(own);
  expect(broken(await promised(system))).toEqual([]);
});

test('6: of claims deleted while they are provisioned nothing stays', async () => {
  const pods = Array.from({ length: 20 }, (_, i) => ({ name: `brief-${i}`, sizes: ['1Gi'] }));
  await createPods(system, pods);
  await until(
    'some are being provisioned',
    [system.stores.localVolumes],
    WITHIN_MS,
    () => system.stores.localVolumes.list().length > 3,
  );
  await deletePods(system, pods);
  await until('no volume is left', [system.stores.volumes, system.stores.localVolumes], WITHIN_MS, () =>
    [system.stores.volumes, system.stores.localVolumes].every((store) => store.list().length === 0),
  );
  expect((await promised(system)).map(({ onDisk }) => onDisk)).toEqual([0, 0]);
});

test('6: a LocalVolume of a claim outlives kubectl delete, mounted or not, until the claim is gone', async () => {
  await running({ name: 'bound', sizes: ['1Gi'] });
  const name = volumeOf('bound-0')?.metadata.name ?? '';
  const node = nodeOf('bound');
  await system.client.delete(PODS, { namespace: 'default', name: 'bound' }, never);
  await until('it is gone', [system.stores.pods], WITHIN_MS, () => system.stores.pods.list().length === 0);
  await system.kubectl('delete', 'lvol', name, '--wait=false');
  await untilEvent('DataKept', name, /claim default\/bound-0/);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'bound-0' } }];
  await running({ name: 'bound-again', sizes: [], spec: { volumes } });
  expect(nodeOf('bound-again')).toBe(node);
  expect(volumeOf('bound-0')?.status).toMatchObject({ phase: 'Ready' });
  expect((await promised(system)).map(({ onDisk }) => onDisk).toSorted((a, b) => a - b)).toEqual([0, 2 ** 30]);
});

test('6: a LocalVolume that is let go and mounted stays until its pod is gone', async () => {
  await running({ name: 'user', sizes: ['1Gi'] });
  const name = volumeOf('user-0')?.metadata.name ?? '';
  await system.kubectl('annotate', 'lvol', name, 'csi.aliyun.com/keep-');
  await system.client.delete(LOCAL_VOLUMES, { name }, never);
  await untilEvent('InUse', name, /is mounted at/);
  expect((await promised(system)).map(({ onDisk }) => onDisk).toSorted((a, b) => a - b)).toEqual([0, 2 ** 30]);
});

test('6: a deleted NodeLocalStorage comes back and knows its volumes; without an nlsc nothing is taken away', async () => {
  await running({ name: 'keeper', sizes: ['12Gi'] });
  const node = nodeOf('keeper') ?? '';
  const uid = system.stores.nodeStorages.get(node)?.metadata.uid;
  await system.client.delete(NODE_LOCAL_STORAGES, { name: node }, never);
  await until('it is reported again', [system.stores.nodeStorages], WITHIN_MS, () => {
    const now = system.stores.nodeStorages.get(node);
    const [group] = now?.status?.nodeStorageInfo?.volumeGroups ?? [];
    return now?.metadata.uid !== uid && group?.logicalVolumes?.length === 1;
  });
  await createPods(system, [{ name: 'twelve', sizes: ['12Gi'] }]);
  await untilRunning(system, ['twelve'], WITHIN_MS);
  expect(nodeOf('twelve')).not.toBe(node);

  const config = await system.client.get(INIT_CONFIGS, { name: 'open-local' }, never);
  await system.client.delete(INIT_CONFIGS, { name: 'open-local' }, never);
  await running({ name: 'after', sizes: ['4Gi'] });
  expect(broken(await promised(system))).toEqual([]);
  await system.client.create(INIT_CONFIGS, { metadata: { name: 'open-local' }, spec: config.spec ?? {} }, never);
});

test('5: pods whose nodeName is set by hand get their volumes there as far as they fit', async () => {
  await createPods(system, [
    { name: 'hand', sizes: ['15Gi'], spec: { nodeName: 'node-2' } },
    { name: 'second', sizes: ['15Gi'], spec: { nodeName: 'node-2' } },
  ]);
  // The scheduler skips such pods, so a person must choose the node of their claims.
  const send = (name: string): Promise<unknown> => {
    const annotations = { 'volume.kubernetes.io/selected-node': 'node-2' };
    return system.client.patch(
      CLAIMS,
      { namespace: 'default', name },
      { type: 'merge', body: { metadata: { annotations } } },
      never,
    );
  };
  await send('hand-0');
  await untilRunning(system, ['hand'], WITHIN_MS);
  expect(volumeOf('hand-0')?.spec.nodeName).toBe('node-2');
  await send('second-0');
  await untilEvent('ProvisioningFailed', 'second-0', /ResourceExhausted.*15 GiB/);
  expect(volumeOf('second-0')).toBeUndefined();
  expect(broken(await promised(system))).toEqual([]);
});

test('5: Immediate binding and allowedTopologies are served', async () => {
  const provisioner = 'local.csi.aliyun.com';
  const parameters = { volumeType: 'LVM' };
  await system.client.create(
    STORAGE_CLASSES,
    { metadata: { name: 'immediate' }, provisioner, parameters, volumeBindingMode: 'Immediate' },
    never,
  );
  const allowedTopologies = [{ matchLabelExpressions: [{ key: 'kubernetes.io/hostname', values: ['node-2'] }] }];
  const there = {
    metadata: { name: 'there' },
    provisioner,
    parameters,
    volumeBindingMode: 'WaitForFirstConsumer',
    allowedTopologies,
  };
  await system.client.create(STORAGE_CLASSES, there as never, never);

  await running({ name: 'soon', sizes: ['1Gi'], storageClass: 'immediate' });
  expect(nodeOf('soon')).toBe(volumeOf('soon-0')?.spec.nodeName);
  await forEachOf(['t1', 't2', 't3'], 3, (name) => running({ name, sizes: ['4Gi'], storageClass: 'there' }));
  expect(['t1', 't2', 't3'].map(nodeOf)).toEqual(['node-2', 'node-2', 'node-2']);
});

test('5: an urgent pod evicts nobody for room that eviction cannot free', async () => {
  await system.kubectl('create', 'priorityclass', 'urgent', '--value=1000');
  const full = [
    { name: 'full-1', sizes: ['20Gi'] },
    { name: 'full-2', sizes: ['20Gi'] },
  ];
  await createPods(system, full);
  await untilRunning(system, ['full-1', 'full-2'], WITHIN_MS);
  using evictions = watchEvictions(system.stores.pods);
  await createPods(system, [{ name: 'urgent', sizes: ['1Gi'], spec: { priorityClassName: 'urgent' } }]);
  // The words are the extender's, or the scheduler's own where a volume was refused a moment ago.
  await untilEvent('FailedScheduling', 'urgent', /1 GiB|enough free storage/);
  // Evictions come after that Event. The scheduler has gone on to the next pod once it has refused another one.
  await createPods(system, [{ name: 'urgent-too', sizes: ['1Gi'], spec: { priorityClassName: 'urgent' } }]);
  await untilEvent('FailedScheduling', 'urgent-too', /1 GiB|enough free storage/);
  await running({ name: 'small', sizes: [] });
  expect(evictions.seen()).toEqual([]);
});

test('5: a generic ephemeral volume lives and goes with its pod', async () => {
  const ephemeral = { volumeClaimTemplate: { spec: claimSpec('3Gi') } };
  await createPods(system, [{ name: 'brief', sizes: [], spec: { volumes: [{ name: 'scratch', ephemeral }] } }]);
  await untilRunning(system, ['brief'], WITHIN_MS);
  expect(volumeOf('brief-scratch')?.spec).toMatchObject({ nodeName: nodeOf('brief'), sizeBytes: 3 * 2 ** 30 });
  await system.client.delete(PODS, { namespace: 'default', name: 'brief' }, never);
  await until(
    'its volume is gone',
    [system.stores.localVolumes],
    WITHIN_MS,
    () => system.stores.localVolumes.list().length === 0,
  );
  expect((await promised(system)).map(({ onDisk }) => onDisk)).toEqual([0, 0]);
});

test('5: a StatefulSet whose node is drained waits for it, and finds its volumes when it comes back', async () => {
  const names = ['web-0', 'web-1', 'web-2', 'web-3'];
  await createStatefulSet(system, { name: 'web', replicas: 4, size: '2Gi' });
  await untilRunning(system, names, WITHIN_MS);
  const before = names.map(nodeOf);
  const volumes = () => names.map((name) => claim(`data-${name}`)?.spec?.volumeName);
  const volumesBefore = volumes();
  const there = names.filter((name) => nodeOf(name) === before[0]);
  const uids = there.map((name) => system.stores.pods.get(`default/${name}`)?.metadata.uid);

  await system.kubectl('drain', before[0] ?? '', '--ignore-daemonsets', '--timeout=60s');
  await until('other pods stand in for the evicted ones', [system.stores.pods], WITHIN_MS, () =>
    there.every((name, i) => {
      const pod = system.stores.pods.get(`default/${name}`);
      return pod !== undefined && pod.metadata.uid !== uids[i];
    }),
  );
  await untilEvent('FailedScheduling', there[0] ?? '', /unschedulable/);
  await system.kubectl('uncordon', before[0] ?? '');
  await untilRunning(system, names, WITHIN_MS);
  expect(names.map(nodeOf)).toEqual(before);
  expect(volumes()).toEqual(volumesBefore);
  expect(broken(await promised(system))).toEqual([]);
  await system.client.delete(STATEFUL_SETS, { namespace: 'default', name: 'web' }, never);
});

test('5: a node that is deleted and comes back has its volumes still; until then nothing is placed there', async () => {
  await running({ name: 'home', sizes: ['12Gi'] });
  const node = nodeOf('home') ?? '';
  const { labels = {} } = (await system.client.get(NODES, { name: node }, never)).metadata;
  const volume = volumeOf('home-0');
  await system.client.delete(NODES, { name: node }, never);
  await until('its storage is taken off the books', [system.stores.nodeStorages], WITHIN_MS, () => {
    return system.stores.nodeStorages.get(node)?.metadata.labels?.[GONE_SINCE] !== undefined;
  });
  await system.client.delete(PODS, { namespace: 'default', name: 'home' }, never, { gracePeriodSeconds: 0 });
  await running({ name: 'elsewhere', sizes: ['15Gi'] });
  expect(nodeOf('elsewhere')).not.toBe(node);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'home-0' } }];
  await createPods(system, [{ name: 'home-again', sizes: [], spec: { volumes } }]);
  await untilEvent('FailedScheduling', 'home-again', /./);

  await joinNode({ name: node, labels, disks: [] }, system.client, never);
  await untilRunning(system, ['home-again'], WITHIN_MS);
  expect(nodeOf('home-again')).toBe(node);
  expect(volumeOf('home-0')?.metadata.uid).toBe(volume?.metadata.uid);
  expect(broken(await promised(system))).toEqual([]);
});
