import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { silentLog } from '../../src/model/log.ts';
import { createInformer, type Informer } from '../../src/kube/follow/informer.ts';
import { STORAGE_CAPACITIES } from '../../src/kube/resource.ts';
import { BEYOND_ANY_NODE } from '../../src/model/bytes.ts';
import type { CsiStorageCapacity } from '../../src/model/objects.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { startSystem, type System } from './system/system.ts';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { CLASS, createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';

const WITHIN_MS = 60_000;
const ROUNDS = 5;

/** Three nodes with a volume group of 20 GiB each. */
let system: System;
let objects: Informer<CsiStorageCapacity, CsiStorageCapacity>;
const ending = new AbortController();
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 3, disks: `/dev/sdb:${20 * 1024 + 1}Mi:ssd` }],
    replicas: 1,
    extender: { ignorable: true },
  });
  objects = createInformer({
    client: system.client,
    resource: STORAGE_CAPACITIES,
    project: (object: CsiStorageCapacity) => object,
    log: silentLog,
  });
  void objects.run(ending.signal);
  await objects.whenSynced(ending.signal);
});
afterAll(async () => {
  ending.abort();
  await system?.stop();
});

/** Largest volume by node, from the capacity objects of the class that the tests use. */
function sizes(): Readonly<Record<string, string | undefined>> {
  const nodesOf = ({ nodeTopology = {} }: CsiStorageCapacity): string => {
    const [hostname] = Object.values(nodeTopology.matchLabels ?? {});
    const [but] = nodeTopology.matchExpressions ?? [];
    return hostname ?? (but ? `not ${but.values?.join(' ')}` : 'all');
  };
  const ours = [...objects.values.values()].filter(({ storageClassName }) => storageClassName === CLASS);
  return Object.fromEntries(ours.map((object) => [nodesOf(object), object.maximumVolumeSize]));
}
const changes = {
  subscribe: (told: (object: CsiStorageCapacity, gone: boolean) => void) =>
    objects.subscribe({ changed: (now) => told(now, false), deleted: (last) => told(last, true) }),
};
const on = (node: string): NonNullable<PodWish['spec']> => ({ nodeSelector: { 'kubernetes.io/hostname': node } });
test('6: every class has one CSIStorageCapacity for all nodes, which is the driver’s and as large as a node’s group', async () => {
  const wanted = new Map(
    system.stores.classes.list().map(({ metadata, parameters }) => [
      metadata.name,
      // No node has devices or mount points, and one that does may be added.
      parameters?.['volumeType'] === 'LVM' ? '20Gi' : String(BEYOND_ANY_NODE),
    ]),
  );
  const found = () =>
    new Map(
      [...objects.values.values()].map(({ storageClassName, maximumVolumeSize }) => [
        storageClassName,
        maximumVolumeSize,
      ]),
    );
  await until('every class has one', [changes], WITHIN_MS, () => isDeepStrictEqual(found(), wanted), found);
  expect(objects.values.size).toBe(wanted.size);
  expect(sizes()).toEqual({ all: '20Gi' });
  for (const { metadata } of objects.values.values())
    expect(metadata).toMatchObject({
      namespace: 'open-local',
      ownerReferences: [{ kind: 'CSIDriver', name: DEFAULT_DRIVER }],
    });
});

test('6: while the extender answers, volumes that come and go change no object', async () => {
  const before = [...objects.values.values()].map(({ metadata }) => metadata.resourceVersion);
  const pods = ['a', 'b', 'c'].map((name) => ({ name, sizes: ['4Gi'] })); // none of them has to wait for room
  await createPods(system, pods);
  await untilRunning(system, ['a', 'b', 'c'], WITHIN_MS);
  await deletePods(system, pods);
  expect([...objects.values.values()].map(({ metadata }) => metadata.resourceVersion)).toEqual(before);
});

test('6: without the extender a full node is told to the byte, and freed room brings the pod that waits for it', async () => {
  system.extender.close();
  const times: number[] = [];
  let holder: PodWish = { name: 'holder', sizes: ['15Gi'], spec: on('node-1') };
  await createPods(system, [holder]);
  await untilRunning(system, ['holder'], WITHIN_MS);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const waiting = { name: `waiting-${round}`, sizes: ['15Gi'], spec: on('node-1') };
    await createPods(system, [waiting]);
    await until('node-1 is told to the byte', [changes], WITHIN_MS, () => sizes()['node-1'] === '5Gi', sizes);
    await deletePods(system, [holder]);
    const freedAt = performance.now();
    await until('the pod has its node', [system.stores.pods], WITHIN_MS, () =>
      Boolean(system.stores.pods.get(`default/${waiting.name}`)?.spec?.nodeName),
    );
    times.push(performance.now() - freedAt);
    await untilRunning(system, [waiting.name], WITHIN_MS);
    holder = waiting;
  }
  tell(
    `without the extender, from freed room to a pod with its node: ${times.map((ms) => Math.round(ms)).join(', ')} ms`,
  );
  expect(broken(await promised(system))).toEqual([]);
  // A smaller claim still goes there.
  await createPods(system, [{ name: 'small', sizes: ['5Gi'], spec: on('node-1') }]);
  await untilRunning(system, ['small'], WITHIN_MS);
  system.extender.open();
  await deletePods(system, [holder, { name: 'small', sizes: ['5Gi'] }]);
}, 400_000);
