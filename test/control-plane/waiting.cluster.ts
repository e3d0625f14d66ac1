import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { CLAIMS, PODS, STORAGE_CLASSES } from '../../src/kube/resource.ts';
import { bytes, formatBytes } from '../../src/model/bytes.ts';
import type { EventReason } from '../../src/model/event-reasons.ts';
import type { Pod } from '../../src/model/objects.ts';
import { DEFAULT_DRIVER, OPERATOR } from '../../src/model/well-known.ts';
import { runForPeople } from '../rig/people-cluster.ts';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { CLASS, claimSpec, untilRunning } from './instruments/workload.ts';
import { POOL, startSystem, type NodeGroup, type System } from './system/system.ts';

/** What a pod that waits reads in `kubectl describe pod`, under the real kube-scheduler. */

const never = new AbortController().signal;
const WITHIN_MS = 90_000;
const disk = (size: number): string => `/dev/sdb:${size * 1024 + 1}Mi:ssd`;
/** Of the nodes of `node` nothing is ever used, so that their numbers stand still; `big` is cordoned. */
const GROUPS: readonly NodeGroup[] = [
  { prefix: 'node', count: 2, disks: `${disk(20)},/dev/vdb:10Gi:ssd` },
  { prefix: 'spare', count: 1, disks: disk(5) },
  { prefix: 'big', count: 1, disks: disk(23) },
];

let system: System;
beforeAll(async () => {
  system = await startSystem({ openLocal: inject('openLocal'), groups: GROUPS, replicas: 1 });
  await system.kubectl('cordon', 'big-1');
});
afterAll(() => system?.stop());

type Wish = Partial<ReturnType<typeof claimSpec>>;

/** A pod with a claim for each wish. */
async function createPod(name: string, wishes: readonly Wish[], spec: Partial<Pod['spec']> = {}): Promise<void> {
  const { client } = system;
  for (const [i, wish] of wishes.entries()) {
    const claim = { metadata: { namespace: 'default', name: `${name}-${i}` }, spec: { ...claimSpec('1Gi'), ...wish } };
    await client.create(CLAIMS, claim, never);
  }
  const volumes = wishes.map((_, i) => ({ name: `data-${i}`, persistentVolumeClaim: { claimName: `${name}-${i}` } }));
  const containers = [{ name: 'main', image: 'none' }];
  await client.create(
    PODS,
    { metadata: { namespace: 'default', name }, spec: { containers, volumes, ...spec } },
    never,
  );
}

const size = (storage: string): Wish => ({ resources: { requests: { storage } } });
const on = (node: string): Partial<Pod['spec']> => ({ nodeSelector: { 'kubernetes.io/hostname': node } });

const eventsOn = (pod: string) =>
  system.stores.events
    .list()
    .filter(({ involvedObject: { kind, name } }) => kind === 'Pod' && name === pod)
    .map(({ reason, message, source }) => ({ reason, message, by: source.component }));
const ourEventsOn = (pod: string) => eventsOn(pod).filter(({ by }) => by === OPERATOR);

/** How large the group of a node is by its report. */
function groupSize(node: string): string {
  const groups = system.stores.nodeStorages.get(node)?.status?.nodeStorageInfo?.volumeGroups ?? [];
  return formatBytes(bytes(groups.find(({ name }) => name === POOL)?.total ?? 0));
}

interface Situation {
  readonly wishes: readonly Wish[];
  readonly spec?: Partial<Pod['spec']>;
  readonly reason: EventReason;
  readonly says: () => readonly (string | RegExp)[];
}

const SITUATIONS: Readonly<Record<string, Situation>> = {
  'too-big': {
    wishes: [size('100Gi')],
    reason: 'NoRoom',
    says: () => [
      `Waits with claim too-big-0 (100 GiB, class ${CLASS}).`,
      '3: not enough room for 100 GiB in any volume group; 1: the node is cordoned.',
      new RegExp(`volume group ${POOL} of node node-[12], which lacks 80 GiB of 100 GiB: `),
      `${groupSize('node-1')} of ${groupSize('node-1')} free.`,
      `No volume group that would do has more than ${groupSize('node-1')} in all.`,
    ],
  },
  together: {
    wishes: [size('12Gi'), size('12Gi')],
    reason: 'NoRoom',
    says: () => ['not enough room for 2 volumes together (12 GiB, 12 GiB)', 'which lacks 4 GiB of 24 GiB'],
  },
  cordoned: {
    wishes: [size('22Gi')],
    reason: 'NodeNotAllowed',
    says: () => ['1: the node is cordoned, and the node has room', 'What helps: kubectl uncordon big-1'],
  },
  selected: {
    wishes: [size('10Gi')],
    spec: on('spare-1'),
    reason: 'NodeNotAllowed',
    says: () => [
      "2: the pod's nodeSelector or node affinity leaves the node out, and the node has room",
      'of node spare-1',
    ],
  },
  shared: {
    wishes: [{ accessModes: ['ReadWriteMany'] }],
    reason: 'ClaimRefused',
    says: () => ['On all 4 nodes: the claim default/shared-0: access mode ReadWriteMany is not possible'],
  },
  'no-group': {
    wishes: [{ storageClassName: 'of-pool-9' }],
    reason: 'NoSuchStorage',
    says: () => ['3: there is no volume group pool-9'],
  },
  'no-disk': {
    wishes: [{ storageClassName: 'open-local-device-ssd' }],
    reason: 'NoSuchStorage',
    says: () => [
      '2: disk /dev/vdb is large enough',
      '1: the node offers claims no ssd disk',
      'if nobody needs the disk, name it in listConfig.devices.include',
    ],
  },
  attributes: {
    wishes: [{ volumeAttributesClassName: 'wrong' }],
    spec: on('spare-1'),
    reason: 'ClaimRefused',
    says: () => [/CreateVolume refuse[sd] claim (default\/)?attributes-0: /, 'fast'],
  },
};

test('each pod that waits is told what is missing, with the numbers of the objects, and one that runs is told nothing', async () => {
  const parameters = { volumeType: 'LVM', vgName: 'pool-9' };
  const volumeBindingMode = 'WaitForFirstConsumer';
  const metadata = { name: 'of-pool-9' };
  await system.client.create(
    STORAGE_CLASSES,
    { metadata, provisioner: DEFAULT_DRIVER, parameters, volumeBindingMode },
    never,
  );
  const attributes = { group: 'storage.k8s.io', version: 'v1', plural: 'volumeattributesclasses' };
  await system.client.create(
    { ...attributes, kind: 'VolumeAttributesClass', namespaced: false },
    { metadata: { name: 'wrong' }, driverName: DEFAULT_DRIVER, parameters: { bps: 'fast' } } as never,
    never,
  );
  const startedAt = performance.now();
  await createPod('fits', [size('1Gi')], on('spare-1'));
  for (const [name, { wishes, spec }] of Object.entries(SITUATIONS)) await createPod(name, wishes, spec);
  const untold = (): string[] => Object.keys(SITUATIONS).filter((name) => ourEventsOn(name).length === 0);
  await until('every pod that waits is told', [system.stores.events], WITHIN_MS, () => untold().length === 0, untold);
  tell(`${Object.keys(SITUATIONS).length} pods were told after ${Math.round(performance.now() - startedAt)} ms`);

  for (const [name, { reason, says }] of Object.entries(SITUATIONS)) {
    const [told] = ourEventsOn(name);
    expect([name, told?.reason]).toEqual([name, reason]);
    for (const part of says()) expect(told?.message).toMatch(part);
  }
  const ofScheduler = eventsOn('too-big').filter(({ reason }) => reason === 'FailedScheduling');
  expect(ofScheduler[0]?.message).toContain('did not have enough free storage');
  expect(ofScheduler[0]?.message).not.toContain('GiB');
  expect(await system.kubectl('describe', 'pod', 'too-big')).toMatch(/NoRoom .* lacks 80 GiB of 100 GiB/);
  await untilRunning(system, ['fits'], WITHIN_MS);
  expect(ourEventsOn('fits')).toEqual([]);
}, 240_000);

test('a pod that only a cordoned group could serve is told so, and goes on once the cordon is lifted', async () => {
  const { kubeconfig } = { kubeconfig: system.cluster.admin };
  const told = await runForPeople({ kubeconfig }, ['cordon', 'spare-1', POOL], 200);
  expect(told).toMatchObject({
    stdout: `${POOL} of node spare-1 gets no new volumes now; what is there stays, and may grow.\n`,
  });
  await createPod('shut-out', [size('1Gi')], on('spare-1'));
  const { events } = system.stores;
  await until('it is told', [events], WITHIN_MS, () => ourEventsOn('shut-out').length > 0);
  const [event] = ourEventsOn('shut-out');
  expect(event?.reason).toBe('NodeNotAllowed');
  expect(event?.message).toContain(`1: volume group ${POOL} is cordoned`);
  expect(event?.message).toContain('kubectl open-local uncordon spare-1');
  await runForPeople({ kubeconfig }, ['uncordon', 'spare-1'], 200);
  await untilRunning(system, ['shut-out'], WITHIN_MS);
}, 240_000);

test('a claim that CreateVolume refuses for what it is holds no room', async () => {
  // Of the 5 GiB there two pods have 1 GiB each; the claim with the attributes that are no numbers asks for another.
  await createPod('the-rest', [size('3Gi')], on('spare-1'));
  await untilRunning(system, ['the-rest'], WITHIN_MS);
  expect(
    (await system.client.get(PODS, { namespace: 'default', name: 'attributes' }, never)).spec?.nodeName,
  ).toBeUndefined();
}, 240_000);
