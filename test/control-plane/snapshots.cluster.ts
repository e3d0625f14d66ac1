import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { silentLog } from '../../src/model/log.ts';
import { createInformer, type Informer } from '../../src/kube/follow/informer.ts';
import {
  CLAIMS,
  PODS,
  STORAGE_CLASSES,
  VOLUME_SNAPSHOT_CONTENTS,
  VOLUME_SNAPSHOTS,
  type Resource,
} from '../../src/kube/resource.ts';
import { LUKS_HEADER } from '../../src/model/encryption.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../src/model/objects.ts';
import { SNAPSHOT_SOURCE, type VolumeSnapshot, type VolumeSnapshotContent } from '../../src/model/snapshot-objects.ts';
import { SECRETS } from '../../sandbox/controllers/kinds.ts';
import type { Store } from '../../sandbox/controllers/store.ts';
import { forEachOf } from '../../sandbox/cluster/in-turn.ts';
import { WHOLE } from '../whole.ts';
import { CHECKOUT } from './cluster/program.ts';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { promised } from './instruments/promised-bytes.ts';
import { claimSpec, createPods, untilRunning } from './instruments/workload.ts';
import { startSystem, type System } from './system/system.ts';

const WITHIN_MS = 90_000;
/**
 * csi-snapshotter looks again each minute, and deletes in the one after; after two minutes the operator removes a
 * snapshot of which nobody knows. Each may take its minute twice on a busy machine.
 */
const FORGOTTEN_MS = 360_000;
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
const fromSnapshot = (name: string) => ({ apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name });
const fromClaim = (name: string) => ({ kind: 'PersistentVolumeClaim', name });
/** A claim that is made from another object, and a pod that wants it. */
async function makeFrom(
  name: string,
  dataSource: { readonly kind: string; readonly name: string },
  size: string,
  storageClass?: string,
): Promise<void> {
  const claim: PersistentVolumeClaim = {
    metadata: { namespace: DEFAULT, name: `${name}-0` },
    spec: { ...claimSpec(size, storageClass), dataSource },
  };
  await system.client.create(CLAIMS, claim, never);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: `${name}-0` } }];
  const spec = { containers: [{ name: 'main', image: 'none' }], volumes };
  await system.client.create(PODS, { metadata: { namespace: DEFAULT, name }, spec }, never);
}
/** A claim that mounts a snapshot, as large as the class's stores begin, and a pod that wants it. */
const restore = (name: string, snapshot: string): Promise<void> => makeFrom(name, fromSnapshot(snapshot), '4Gi');
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

const patchClaim = (name: string, spec: object): Promise<unknown> =>
  system.client.patch(CLAIMS, { namespace: DEFAULT, name }, { type: 'merge', body: { spec } }, never);
const volumeOf = (claim: string): LocalVolume | undefined =>
  system.stores.localVolumes.list().find(({ spec }) => spec.claim?.name === claim);
const untilVolume = (claim: string, what: string, is: (volume: LocalVolume) => boolean): Promise<true> =>
  until(
    `the volume of ${claim} ${what}`,
    [system.stores.localVolumes],
    WITHIN_MS,
    () => {
      const volume = volumeOf(claim);
      return volume !== undefined && is(volume);
    },
    () => volumeOf(claim),
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

type Step = 'snapshot' | 'restore' | 'clone' | 'grow' | 'modify';
const STEPS: readonly (readonly [readonly Step[], readonly (Part | 'clone')[]])[] = [
  [
    ['snapshot', 'restore', 'clone', 'grow', 'modify'],
    ['source', 'snapshot', 'restored', 'clone'],
  ],
  [
    ['clone', 'snapshot', 'restore', 'grow', 'modify'],
    ['snapshot', 'source', 'clone', 'restored'],
  ],
  [
    ['grow', 'snapshot', 'restore', 'clone', 'modify'],
    ['clone', 'restored', 'snapshot', 'source'],
  ],
  [
    ['modify', 'grow', 'clone', 'snapshot', 'restore'],
    ['restored', 'snapshot', 'clone', 'source'],
  ],
  [
    ['snapshot', 'clone', 'grow', 'restore', 'modify'],
    ['snapshot', 'clone', 'source', 'restored'],
  ],
  [
    ['snapshot', 'restore', 'modify', 'grow', 'clone'],
    ['source', 'clone', 'snapshot', 'restored'],
  ],
  [
    ['grow', 'modify', 'snapshot', 'clone', 'restore'],
    ['clone', 'source', 'restored', 'snapshot'],
  ],
  [
    ['clone', 'grow', 'modify', 'snapshot', 'restore'],
    ['restored', 'source', 'snapshot', 'clone'],
  ],
];

test('claim, snapshot, restore, clone, growth and other limits go in eight orders by the real sidecars', async () => {
  await snapshotClass('copied', {
    'csi.aliyun.com/snapshot-restore': 'copy',
    'csi.aliyun.com/snapshot-initial-size': '512Mi',
  });
  await system.kubectl('apply', '-f', path.join(CHECKOUT, 'examples/limits.yaml'));
  const orders = STEPS.map(([steps, ends], i) => ({ steps, ends, name: `way-${i}` }));
  await createPods(
    system,
    orders.map(({ name }) => ({ name, sizes: ['1Gi'] })),
  );
  await untilRunning(
    system,
    orders.map(({ name }) => name),
    WITHIN_MS,
  );
  /** LVM grows no volume that has snapshots, so a copy grows then. */
  const growing = (name: string): [claim: string, gib: number] => {
    if (!snapshots.get(`${DEFAULT}/snap-${name}`)) return [`${name}-0`, 2];
    return [volumeOf(`r-${name}-0`) ? `r-${name}-0` : `c-${name}-0`, 3];
  };
  const step1 = async (name: string, step: Step): Promise<void> => {
    const claim = `${name}-0`;
    if (step === 'snapshot') {
      await take(`snap-${name}`, claim, 'copied');
      await untilReady([`snap-${name}`]);
    } else if (step === 'restore') {
      await makeFrom(`r-${name}`, fromSnapshot(`snap-${name}`), '2Gi');
      await untilRunning(system, [`r-${name}`], WITHIN_MS);
    } else if (step === 'clone') {
      await makeFrom(`c-${name}`, fromClaim(claim), '2Gi');
      await untilRunning(system, [`c-${name}`], WITHIN_MS);
    } else if (step === 'grow') {
      const [grown, gib] = growing(name);
      await patchClaim(grown, { resources: { requests: { storage: `${gib}Gi` } } });
      await untilVolume(grown, 'has grown', ({ status }) => status?.sizeBytes === gib * GIB);
    } else {
      await patchClaim(claim, { volumeAttributesClassName: 'open-local-silver' });
      await untilVolume(claim, 'has its limits', ({ spec }) => spec.limits?.readIops === 1000);
    }
  };
  await forEachOf(orders, orders.length, async ({ name, steps }) => {
    for (const step of steps) await step1(name, step);
  });
  for (const { name } of orders) {
    const { nodeName } = volumeOf(`${name}-0`)?.spec ?? {};
    for (const copy of [`r-${name}`, `c-${name}`]) {
      const volume = volumeOf(`${copy}-0`);
      expect(volume?.spec.nodeName).toBe(nodeName);
      expect(volume?.status).toMatchObject({ phase: 'Ready', progress: 100, copiedBytes: expect.any(Number) });
      expect(system.stores.pods.get(`${DEFAULT}/${copy}`)?.spec?.nodeName).toBe(nodeName);
    }
  }
  await until('the temporary snapshots are gone', [system.stores.localVolumes], WITHIN_MS, () =>
    system.stores.localVolumes.list().every(({ metadata }) => !metadata.name?.startsWith('copying.')),
  );
  await forEachOf(orders, orders.length, async ({ name, ends }) => {
    for (const pod of [name, `r-${name}`, `c-${name}`]) await remove(PODS, pod);
    for (const part of ends) {
      if (part === 'source') await remove(CLAIMS, `${name}-0`);
      if (part === 'snapshot') await remove(VOLUME_SNAPSHOTS, `snap-${name}`);
      if (part === 'restored') await remove(CLAIMS, `r-${name}-0`);
      if (part === 'clone') await remove(CLAIMS, `c-${name}-0`);
    }
  });
  await untilNothingIsLeft();
});

test('an encrypted claim has the key of a Secret of its own, a clone of it opens with it, and both grow', async () => {
  const secret = (name: string, key: string) =>
    system.client.create(
      SECRETS,
      { metadata: { namespace: DEFAULT, name }, data: { key: Buffer.from(key).toString('base64') } },
      never,
    );
  const refs = ['node-stage-secret', 'node-expand-secret'].flatMap((kind) => [
    [`csi.storage.k8s.io/${kind}-name`, '${pvc.name}-key'],
    [`csi.storage.k8s.io/${kind}-namespace`, '${pvc.namespace}'],
  ]);
  await system.client.create(
    STORAGE_CLASSES,
    {
      metadata: { name: 'encrypted' },
      provisioner: 'local.csi.aliyun.com',
      parameters: { volumeType: 'LVM', encryption: 'luks2', ...Object.fromEntries(refs) },
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    },
    never,
  );
  await createPods(system, [{ name: 'secret', sizes: ['1Gi'], storageClass: 'encrypted' }]);
  await untilVolume('secret-0', 'is made', ({ status }) => status?.phase === 'Ready');
  const ref = { name: 'secret-0-key', namespace: DEFAULT };
  const sourceOf = () =>
    system.stores.volumes.list().find(({ spec }) => spec?.claimRef?.name === 'secret-0')?.spec?.csi;
  await until(
    'the volume has its PersistentVolume',
    [system.stores.volumes],
    WITHIN_MS,
    () => sourceOf() !== undefined,
  );
  expect(sourceOf()).toMatchObject({ nodeStageSecretRef: ref, nodeExpandSecretRef: ref });
  // Without its key no pod gets it.
  expect(system.stores.pods.get(`${DEFAULT}/secret`)?.status?.phase).toBe('Pending');
  await secret('secret-0-key', 'the key of the source');
  await untilRunning(system, ['secret'], WITHIN_MS);

  await makeFrom('twin', fromClaim('secret-0'), '1Gi', 'encrypted');
  await secret('twin-0-key', 'the key of the source');
  await untilRunning(system, ['twin'], WITHIN_MS);
  expect(volumeOf('twin-0')?.spec).toMatchObject({ encryption: 'luks2', sizeBytes: GIB + LUKS_HEADER });

  await remove(PODS, 'secret');
  await remove(SECRETS, 'secret-0-key');
  await secret('secret-0-key', 'another key');
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'secret-0' } }];
  await createPods(system, [{ name: 'again', sizes: [], spec: { volumes } }]);
  const { events } = system.stores;
  await until('the wrong key is refused by name', [events], WITHIN_MS, () =>
    events
      .list()
      .some(
        ({ reason, message, involvedObject }) =>
          reason === 'FailedMount' && involvedObject.name === 'again' && message.includes('"key" of its secret'),
      ),
  );
  await remove(SECRETS, 'secret-0-key');
  await secret('secret-0-key', 'the key of the source');
  await untilRunning(system, ['again'], WITHIN_MS);

  for (const claim of ['secret-0', 'twin-0']) {
    await patchClaim(claim, { resources: { requests: { storage: '2Gi' } } });
    await untilVolume(claim, 'has grown', ({ status }) => status?.sizeBytes === 2 * GIB + LUKS_HEADER);
    await until(
      `${claim} has grown`,
      [system.stores.claims],
      WITHIN_MS,
      () => system.stores.claims.get(`${DEFAULT}/${claim}`)?.status?.capacity?.['storage'] === '2Gi',
    );
  }
  for (const pod of ['again', 'twin']) await remove(PODS, pod);
  for (const claim of ['secret-0', 'twin-0']) await remove(CLAIMS, claim);
  await untilNothingIsLeft();
});

// Both fill the groups with volumes but for 20 stores of snapshots; the large one takes minutes longer to clean up.
const BURST = WHOLE ? { volumes: 20, size: '5632Mi', snapshots: 5 } : { volumes: 4, size: '28160Mi', snapshots: 10 };
const ROOM = 20;
test(
  `${BURST.volumes * BURST.snapshots} snapshots at once onto groups that are nearly full: nothing is promised twice`,
  async () => {
    await snapshotClass('small', {
      'csi.aliyun.com/readonly': 'true',
      'csi.aliyun.com/snapshot-initial-size': '512Mi',
    });
    const sources = Array.from({ length: BURST.volumes }, (_, i) => `burst-${i}`);
    await createPods(
      system,
      sources.map((name) => ({ name, sizes: [BURST.size] })),
    );
    await untilRunning(system, sources, WITHIN_MS);
    const names = sources.flatMap((name) =>
      Array.from({ length: BURST.snapshots }, (_, i) => [`${name}-s${i}`, `${name}-0`] as const),
    );
    await forEachOf(names, 50, ([name, claim]) => take(name, claim, 'small').then(() => undefined));
    const left = () => names.filter(([name]) => !isReady(name)).length;
    await until('the groups are full', [changes(snapshots)], WITHIN_MS, () => left() === names.length - ROOM, left);
    const all = await promised(system);
    expect(all.filter(({ total, recorded, onDisk }) => recorded > total || onDisk > total)).toEqual([]);

    // csi-snapshotter forgets some that were refused for room and deleted while it asked again: they must not stay.
    await forEachOf(names, 50, ([name]) => remove(VOLUME_SNAPSHOTS, name));
    await until(
      'no VolumeSnapshot is left',
      [changes(snapshots), changes(contents)],
      FORGOTTEN_MS,
      () => snapshots.values.size + contents.values.size === 0,
      () => [...contents.values.values()].slice(0, 3),
    );
    const taken = () => system.stores.localVolumes.list().filter(({ spec }) => spec.role === 'Snapshot');
    tell(`${taken().length} snapshots without a VolumeSnapshotContent`);
    await until('no snapshot is left', [system.stores.localVolumes], FORGOTTEN_MS, () => taken().length === 0);
    for (const name of sources) await remove(PODS, name);
    await letGo(sources.map((name) => `${name}-0`));
    for (const name of sources) await remove(CLAIMS, `${name}-0`);
    await untilNothingIsLeft();
  },
  2 * FORGOTTEN_MS + 4 * WITHIN_MS,
);

/**
 * Takes snapshot-controller's finalizer off claims of which no snapshot is left. When snapshots of one claim are
 * deleted together, each of its workers may see another's and leave it (kubernetes-csi/external-snapshotter issue 764).
 */
async function letGo(claims: readonly string[]): Promise<void> {
  let left = 0;
  for (const name of claims) {
    const { finalizers = [] } = (await system.client.get(CLAIMS, { namespace: DEFAULT, name }, never)).metadata;
    if (!finalizers.includes(SNAPSHOT_SOURCE)) continue;
    left += 1;
    const metadata = { finalizers: finalizers.filter((one) => one !== SNAPSHOT_SOURCE) };
    await system.client.patch(CLAIMS, { namespace: DEFAULT, name }, { type: 'merge', body: { metadata } }, never);
  }
  tell(`${left} claims kept the finalizer of snapshot-controller`);
}
