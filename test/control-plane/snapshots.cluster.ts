import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { silentLog } from '../../src/model/log.ts';
import { createInformer, type Informer } from '../../src/kube/follow/informer.ts';
import { CLAIMS, PODS, VOLUME_SNAPSHOT_CONTENTS, VOLUME_SNAPSHOTS, type Resource } from '../../src/kube/resource.ts';
import type { KubeObject, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import type { VolumeSnapshot, VolumeSnapshotContent } from '../../src/model/snapshot-objects.ts';
import type { Store } from '../../sandbox/controllers/store.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import { until } from './cluster/until.ts';
import { promised } from './instruments/promised-bytes.ts';
import { claimSpec, createPods, untilRunning } from './instruments/workload.ts';
import { startSystem, type System } from './system/system.ts';

const WITHIN_MS = 90_000;
const GIB = 2 ** 30;
const never = new AbortController().signal;
const DEFAULT = 'default';

/** Two nodes with a volume group of 60 GiB each, and the real csi-snapshotter and snapshot-controller. */
let system: System;
let snapshots: Informer<VolumeSnapshot, VolumeSnapshot>;
let contents: Informer<VolumeSnapshotContent, VolumeSnapshotContent>;
const watching = new AbortController();
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 2, disks: `/dev/sdb:${60 * 1024 + 1}Mi:ssd` }],
    replicas: 1,
    snapshots: true,
  });
  const follow = <T extends KubeObject>(resource: Resource<T>): Informer<T, T> =>
    createInformer({ client: system.client, resource, log: silentLog, project: (object: T) => object });
  snapshots = follow(VOLUME_SNAPSHOTS);
  contents = follow(VOLUME_SNAPSHOT_CONTENTS);
  for (const informer of [snapshots, contents]) {
    void informer.run(watching.signal);
    await informer.whenSynced(watching.signal);
  }
});
afterAll(async () => {
  watching.abort();
  await system?.stop();
});

const changes = <T extends KubeObject>(informer: Informer<T, T>): Pick<Store<KubeObject>, 'subscribe'> => ({
  subscribe: (listener) =>
    informer.subscribe({ changed: (now) => listener(now, false), deleted: (last) => listener(last, true) }),
});
const snapshotClass = (name: string, parameters: Readonly<Record<string, string>>) =>
  system.client.create(
    {
      group: 'snapshot.storage.k8s.io',
      version: 'v1',
      plural: 'volumesnapshotclasses',
      kind: 'VolumeSnapshotClass',
      namespaced: false,
    },
    { metadata: { name }, driver: 'local.csi.aliyun.com', deletionPolicy: 'Delete', parameters } as KubeObject,
    never,
  );
const take = (name: string, claim: string, volumeSnapshotClassName = 'open-local-lvm') =>
  system.client.create(
    VOLUME_SNAPSHOTS,
    {
      metadata: { namespace: DEFAULT, name },
      spec: { volumeSnapshotClassName, source: { persistentVolumeClaimName: claim } },
    } as VolumeSnapshot,
    never,
  );
const isReady = (name: string): boolean => snapshots.get(`${DEFAULT}/${name}`)?.status?.readyToUse === true;
const untilReady = (names: readonly string[]): Promise<true> =>
  until(
    'the snapshots are ready',
    [changes(snapshots)],
    WITHIN_MS,
    () => names.every(isReady),
    () => names.filter((name) => !isReady(name)).map((name) => snapshots.get(`${DEFAULT}/${name}`)?.status),
  );
/** A claim that mounts a snapshot, as large as the class's stores begin, and a pod that wants it. */
async function restore(name: string, snapshot: string): Promise<void> {
  const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshot };
  const claim: PersistentVolumeClaim = {
    metadata: { namespace: DEFAULT, name: `${name}-0` },
    spec: { ...claimSpec('4Gi'), dataSource },
  };
  await system.client.create(CLAIMS, claim, never);
  const pod = {
    metadata: { namespace: DEFAULT, name },
    spec: {
      containers: [{ name: 'main', image: 'none' }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `${name}-0` } }],
    },
  } as Pod;
  await system.client.create(PODS, pod, never);
}
const remove = (resource: Resource, name: string): Promise<void> =>
  system.client.delete(resource, { namespace: DEFAULT, name }, never);
const untilNothingIsLeft = (): Promise<true> =>
  until(
    'no snapshot and no volume is left',
    [changes(snapshots), changes(contents), system.stores.localVolumes, system.stores.volumes],
    WITHIN_MS,
    () => snapshots.values.size + contents.values.size + system.stores.localVolumes.list().length === 0,
    () =>
      system.stores.localVolumes
        .list()
        .map(({ metadata, status }) => [metadata.name, metadata.annotations, status?.phase]),
  );

type Part = 'source' | 'snapshot' | 'restored';
const ORDERS: readonly (readonly Part[])[] = [
  ['source', 'snapshot', 'restored'],
  ['source', 'restored', 'snapshot'],
  ['snapshot', 'source', 'restored'],
  ['snapshot', 'restored', 'source'],
  ['restored', 'snapshot', 'source'],
  ['restored', 'source', 'snapshot'],
];

test('claim, snapshot and a claim that mounts it go in any order, and nothing is left', async () => {
  const names = ORDERS.map((order) => order.map((part) => part.slice(0, 3)).join('-'));
  await createPods(
    system,
    names.map((name) => ({ name, sizes: ['5Gi'] })),
  );
  await untilRunning(system, names, WITHIN_MS);
  for (const name of names) await take(`snap-${name}`, `${name}-0`);
  await untilReady(names.map((name) => `snap-${name}`));
  for (const name of names) await restore(`r-${name}`, `snap-${name}`);
  await untilRunning(
    system,
    names.map((name) => `r-${name}`),
    WITHIN_MS,
  );
  for (const name of names)
    expect(system.stores.pods.get(`${DEFAULT}/r-${name}`)?.spec?.nodeName).toBe(
      system.stores.pods.get(`${DEFAULT}/${name}`)?.spec?.nodeName,
    );
  // Mounted snapshots take no room: six volumes of 5 GiB, and six stores of 4 GiB.
  const recorded = (await promised(system)).reduce((sum, { onDisk }) => sum + onDisk, 0);
  expect(recorded).toBe(54 * GIB);
  await forEachOf(
    ORDERS.map((order, i) => [order, names[i] ?? ''] as const),
    6,
    async ([order, name]) => {
      for (const pod of [name, `r-${name}`]) await remove(PODS, pod);
      for (const part of order) {
        if (part === 'source') await remove(CLAIMS, `${name}-0`);
        if (part === 'snapshot') await remove(VOLUME_SNAPSHOTS, `snap-${name}`);
        if (part === 'restored') await remove(CLAIMS, `r-${name}-0`);
      }
    },
  );
  await untilNothingIsLeft();
  await until('the disks are empty', [system.stores.nodeStorages], WITHIN_MS, () =>
    system.stores.nodeStorages
      .list()
      .every(({ status }) =>
        (status?.nodeStorageInfo?.volumeGroups ?? []).every(({ logicalVolumes = [] }) => logicalVolumes.length === 0),
      ),
  );
});

test('100 snapshots of 20 volumes at once onto groups that are nearly full: nothing is promised twice', async () => {
  await snapshotClass('small', {
    'csi.aliyun.com/readonly': 'true',
    'csi.aliyun.com/snapshot-initial-size': '512Mi',
  });
  const sources = Array.from({ length: 20 }, (_, i) => `burst-${i}`);
  await createPods(
    system,
    sources.map((name) => ({ name, sizes: ['5632Mi'] })),
  );
  await untilRunning(system, sources, WITHIN_MS);
  const names = sources.flatMap((name) => Array.from({ length: 5 }, (_, i) => [`${name}-s${i}`, `${name}-0`] as const));
  await forEachOf(names, 50, ([name, claim]) => take(name, claim, 'small').then(() => undefined));
  // Each group has ten volumes of 5.5 GiB and room for ten stores.
  const left = () => names.filter(([name]) => !isReady(name)).length;
  await until('the groups are full', [changes(snapshots)], WITHIN_MS, () => left() === 80, left);
  const all = await promised(system);
  expect(all.filter(({ total, recorded, onDisk }) => recorded > total || onDisk > total)).toEqual([]);
});
