import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { GIB } from '../../src/model/bytes.ts';
import { CLAIMS, NODES, PODS } from '../../src/kube/resource.ts';
import { promised } from './instruments/promised-bytes.ts';
import { createPods, untilRunning } from './instruments/workload.ts';
import { startSystem, type System } from './system/system.ts';
import { until } from './cluster/until.ts';

const never = new AbortController().signal;
const WITHIN_MS = 60_000;
const DISKS = `/dev/sdb:${20 * 1024 + 1}Mi:ssd`;

/** Two nodes, each with a process of its own and a volume group of 20 GiB. */
let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [
      { prefix: 'lost', count: 1, disks: DISKS },
      { prefix: 'stays', count: 1, disks: DISKS },
    ],
    replicas: 1,
    flags: { 'lost-node-grace': '2s' },
  });
});
afterAll(() => system?.stop());

const volumeOn = (node: string) => system.stores.localVolumes.list().find(({ spec }) => spec.nodeName === node);
const groupOn = (node: string) =>
  system.stores.nodeStorages.get(node)?.status?.nodeStorageInfo?.volumeGroups?.find(Boolean);

test('of a node that never comes back, claim, PersistentVolume and LocalVolume go; its data stays, and is told', async () => {
  const { client, stores } = system;
  await createPods(system, [
    { name: 'a', sizes: ['12Gi'] },
    { name: 'b', sizes: ['12Gi'] },
  ]);
  await untilRunning(system, ['a', 'b'], WITHIN_MS);
  const [lost, stays] = [volumeOn('lost-1'), volumeOn('stays-1')];
  const name = lost?.metadata.name ?? '';
  const pod = stores.pods.list().find(({ spec }) => spec?.nodeName === 'lost-1')?.metadata.name ?? '';

  // The operator's ServiceAccount may not take the finalizer off a volume that nobody deleted.
  const operator = '--as=system:serviceaccount:open-local:open-local-operator';
  const patch = ['patch', 'lvol', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}', operator];
  await expect(system.kubectl(...patch)).rejects.toThrow('lets go only of volumes that are deleted');

  await system.nodes.find((node) => node.name === 'nodes-lost')?.stop();
  await client.delete(NODES, { name: 'lost-1' }, never);
  await client.delete(PODS, { namespace: 'default', name: pod }, never, { gracePeriodSeconds: 0 });
  await client.delete(CLAIMS, { namespace: 'default', name: `${pod}-0` }, never);
  await until('its objects are gone', [stores.localVolumes, stores.volumes, stores.claims], WITHIN_MS, () =>
    [stores.localVolumes, stores.volumes, stores.claims].every((store) => store.list().length === 1),
  );
  expect(stores.localVolumes.list()[0]?.metadata.uid).toBe(stays?.metadata.uid);
  const told = await until('what stays is told', [stores.events], WITHIN_MS, () =>
    stores.events.list().find(({ reason, involvedObject }) => reason === 'DataLeft' && involvedObject.name === name),
  );
  expect(told.message).toContain(`logical volume open-local-pool-0/${name} (12 GiB) on /dev/sdb of node lost-1`);

  // The node returns: what was left there is seen, and its room is not given away.
  system.nodes.find((node) => node.name === 'nodes-lost')?.start();
  await until('it reports what was left', [stores.nodeStorages], WITHIN_MS, () =>
    groupOn('lost-1')?.logicalVolumes?.some((volume) => volume.name === name),
  );
  await until('it tells whose it is not', [stores.nodeStorages], WITHIN_MS, () =>
    stores.nodeStorages
      .get('lost-1')
      ?.status?.conditions?.some(({ type, message }) => type === 'StrayVolumes' && message.includes(name)),
  );
  await createPods(system, [
    { name: 'c', sizes: ['8Gi'] },
    { name: 'd', sizes: ['8Gi'] },
  ]);
  await untilRunning(system, ['c', 'd'], WITHIN_MS);
  const onDisk = new Map((await promised(system)).map((node) => [node.node, node.onDisk / GIB]));
  expect(onDisk).toEqual(
    new Map([
      ['lost-1', 12 + 8],
      ['stays-1', 12 + 8],
    ]),
  );
});
