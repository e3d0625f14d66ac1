import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { CLAIMS, NODE_LOCAL_STORAGES, NODES, PODS, STORAGE_CLASSES } from '../../src/kube/resource.ts';
import { bytes, formatBytes } from '../../src/model/bytes.ts';
import type { EventReason } from '../../src/model/event-reasons.ts';
import type { Pod } from '../../src/model/objects.ts';
import {
  DEFAULT_DRIVER,
  LOG_LEVEL,
  LOST,
  OPERATOR,
  SELECTED_NODE,
  STORAGE_RESERVED,
} from '../../src/model/well-known.ts';
import { runForPeople } from '../rig/people-cluster.ts';
import { CHECKOUT } from './cluster/program.ts';
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
  { prefix: 'far', count: 1, disks: disk(7) },
];

let system: System;
beforeAll(async () => {
  system = await startSystem({ openLocal: inject('openLocal'), groups: GROUPS, replicas: 1 });
  await system.kubectl('cordon', 'big-1');
  await createPod('unseen', [size('1Gi')], { schedulerName: 'nobody' }); // it is told after two minutes
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
      '4: not enough room for 100 GiB in any volume group; 1: the node is cordoned.',
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
    says: () => ['On all 5 nodes: the claim default/shared-0: access mode ReadWriteMany is not possible'],
  },
  'no-group': {
    wishes: [{ storageClassName: 'of-pool-9' }],
    reason: 'NoSuchStorage',
    says: () => ['4: there is no volume group pool-9'],
  },
  'no-disk': {
    wishes: [{ storageClassName: 'open-local-device-ssd' }],
    reason: 'NoSuchStorage',
    says: () => [
      '2: disk /dev/vdb is large enough',
      '2: the node offers claims no ssd disk',
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

/** More of them, for which nodes and classes are changed first. */
const classOf = (name: string, parameters: Readonly<Record<string, string>>) => ({
  ...{
    metadata: { name },
    provisioner: DEFAULT_DRIVER,
    parameters,
    volumeBindingMode: 'WaitForFirstConsumer' as const,
  },
});
const CLASSES = [
  classOf('ntfs', { volumeType: 'LVM', 'csi.storage.k8s.io/fstype': 'ntfs' }),
  classOf('xfs', { volumeType: 'LVM', 'csi.storage.k8s.io/fstype': 'xfs' }),
  classOf('tape', { volumeType: 'Tape' }),
  classOf('milli', { volumeType: 'LVM', bps: '10m' }),
  classOf('mount', { volumeType: 'MountPoint', mediaType: 'ssd' }),
  classOf('pool-0', { volumeType: 'LVM', vgName: POOL }),
  classOf('rationed', { volumeType: 'LVM' }),
];
const from = (kind: string, name: string): Wish => ({
  dataSource: { kind, name, ...(kind === 'VolumeSnapshot' && { apiGroup: 'snapshot.storage.k8s.io' }) },
});
const inline = (volumeAttributes: Readonly<Record<string, string>>): Partial<Pod['spec']> => ({
  volumes: [{ name: 'scratch', csi: { driver: DEFAULT_DRIVER, volumeAttributes } }],
});
const ofClaim = (claimName: string): Partial<Pod['spec']> => ({
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
});

const MORE: Readonly<Record<string, Situation>> = {
  'read-by-many': {
    wishes: [{ accessModes: ['ReadOnlyMany'] }],
    reason: 'ClaimRefused',
    says: () => ['the claim default/read-by-many-0: access mode ReadOnlyMany is not possible'],
  },
  ntfs: { wishes: [{ storageClassName: 'ntfs' }], reason: 'ClaimRefused', says: () => ['ntfs', 'ext4'] },
  tape: { wishes: [{ storageClassName: 'tape' }], reason: 'ClaimRefused', says: () => ['StorageClass tape: ', 'Tape'] },
  milli: { wishes: [{ storageClassName: 'milli' }], reason: 'ClaimRefused', says: () => ['10m', 'did you mean 10M'] },
  'xfs-limit': {
    wishes: [{ storageClassName: 'xfs', resources: { requests: { storage: '10Mi' }, limits: { storage: '20Mi' } } }],
    reason: 'ClaimRefused',
    says: () => ['xfs', '300 MiB'],
  },
  'block-mount': {
    wishes: [{ storageClassName: 'mount', volumeMode: 'Block' }],
    reason: 'ClaimRefused',
    says: () => ['the claim default/block-mount-0: ', 'MountPoint'],
  },
  'no-mount': {
    wishes: [{ storageClassName: 'mount' }],
    reason: 'NoSuchStorage',
    says: () => ['the node offers claims no ssd mount point', 'offer claims disks or mount points'],
  },
  'no-snapshot': {
    wishes: [from('VolumeSnapshot', 'never-taken')],
    reason: 'ClaimNotReady',
    says: () => ['the claim default/no-snapshot-0 is made from VolumeSnapshot never-taken, which is not known yet'],
  },
  'no-source': {
    wishes: [from('PersistentVolumeClaim', 'never-made')],
    reason: 'ClaimNotReady',
    says: () => ['the claim default/no-source-0 is made from PersistentVolumeClaim never-made, which is not known yet'],
  },
  'clone-elsewhere': {
    wishes: [from('PersistentVolumeClaim', 'fits-0')],
    spec: on('node-1'),
    reason: 'DataElsewhere',
    says: () => [
      'made from PersistentVolumeClaim fits-0 on node spare-1)',
      '1: a volume of the pod, or what it is made from, is on another node',
    ],
  },
  'data-elsewhere': {
    wishes: [],
    spec: { ...ofClaim('fits-0'), ...on('node-2') },
    reason: 'NodeNotAllowed',
    says: () => ['claim fits-0 (1 GiB, class open-local-lvm, on node spare-1)', 'and the node has room'],
  },
  reserved: {
    wishes: [size('10Gi')],
    spec: on('node-1'),
    reason: 'NoRoom',
    says: () => ['of node node-1, which lacks 5 GiB of 10 GiB', '15 GiB reserved'],
  },
  tainted: {
    wishes: [size('16Gi')],
    reason: 'NodeNotAllowed',
    says: () => ['1: the pod does not tolerate taint team=db:NoSchedule, and the node has room'],
  },
  'names-node': {
    wishes: [size('1Gi')],
    spec: { nodeName: 'node-2' },
    reason: 'ClaimNotReady',
    says: () => ['spec.nodeName is node-2', 'nodeSelector kubernetes.io/hostname: node-2'],
  },
  'no-agent': {
    wishes: [size('1Gi')],
    spec: { ...on('mute-1'), tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }] },
    reason: 'NodeNotAllowed',
    says: () => [
      '1: the agent of the node has not reported its storage yet',
      "see the log of the agent's pod on mute-1",
    ],
  },
  lost: {
    wishes: [size('6Gi')],
    spec: on('far-1'),
    reason: 'NoSuchStorage',
    says: () => ['1: the node is marked as lost'],
  },
  'named-group': {
    wishes: [{ ...size('50Gi'), storageClassName: 'pool-0' }],
    reason: 'NoRoom',
    says: () => [`not enough room for 50 GiB in volume group ${POOL}`, 'or ask for less'],
  },
  'inline-large': {
    wishes: [],
    spec: inline({ vgName: POOL, size: '50Gi' }),
    reason: 'NoRoom',
    says: () => ['inline volume scratch (50 GiB)', `not enough room for 50 GiB in volume group ${POOL}`],
  },
  'inline-wrong': {
    wishes: [],
    spec: inline({ vgName: POOL, size: 'lots' }),
    reason: 'ClaimRefused',
    says: () => ['inline volume scratch: ', 'lots'],
  },
  ephemeral: {
    wishes: [],
    spec: { volumes: [{ name: 'tmp', ephemeral: { volumeClaimTemplate: { spec: { ...claimSpec('90Gi') } } } }] },
    reason: 'NoRoom',
    says: () => ['claim ephemeral-tmp (90 GiB, ', 'not enough room for 90 GiB'],
  },
};

/** Makes their pods, waits until each is told something, and returns those that are told something else. */
async function toldOtherwise(situations: Readonly<Record<string, Situation>>): Promise<readonly object[]> {
  const names = Object.keys(situations);
  for (const [name, { wishes, spec }] of Object.entries(situations)) await createPod(name, wishes, spec);
  const untold = (): string[] => names.filter((name) => ourEventsOn(name).length === 0);
  await until('every pod that waits is told', [system.stores.events], WITHIN_MS, () => untold().length === 0, untold);
  return Object.entries(situations).flatMap(([name, { reason, says }]) => {
    const [told] = ourEventsOn(name);
    const missing = says().filter((part) => (told?.message.search(asPattern(part)) ?? -1) < 0);
    return told?.reason === reason && missing.length === 0
      ? []
      : [{ name, reason, missing: missing.map(String), told }];
  });
}

const asPattern = (part: string | RegExp): RegExp =>
  typeof part === 'string' ? new RegExp(part.replaceAll(/[^\w\s]/g, '\\$&')) : part;

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
  expect(await toldOtherwise(SITUATIONS)).toEqual([]);
  tell(`${Object.keys(SITUATIONS).length} pods were told after ${Math.round(performance.now() - startedAt)} ms`);
  const ofScheduler = eventsOn('too-big').filter(({ reason }) => reason === 'FailedScheduling');
  // Before a node has reported, the capacity object sets no limit, and the extender's words are there, too.
  const own = ofScheduler.filter(({ message }) => message.includes('did not have enough free storage'));
  expect(own).not.toEqual([]);
  for (const { message } of own) expect(message).not.toContain('GiB');
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

test('a pod is told what others hold whose volumes are not made yet', async () => {
  const [provisioner] = system.leader().sidecars;
  await provisioner?.stop();
  await createPod('holder', [size('4Gi')], on('far-1'));
  const claims = system.stores.claims;
  const isChosen = (): boolean => claims.get('default/holder-0')?.metadata.annotations?.[SELECTED_NODE] === 'far-1';
  await until('the node of the first is chosen', [claims], WITHIN_MS, isChosen);
  await createPod('held-up', [size('5Gi')], on('far-1'));
  await until('the second is told', [system.stores.events], WITHIN_MS, () => ourEventsOn('held-up').length > 0);
  expect(ourEventsOn('held-up')[0]?.message).toContain(
    'of node far-1, which lacks 2 GiB of 5 GiB: 3 GiB of 7 GiB free, 4 GiB held for pods that are being placed.',
  );
  provisioner?.start();
  await untilRunning(system, ['holder'], WITHIN_MS);
}, 240_000);

test('so is each whose claim, class, source, volume or node stands in the way', async () => {
  const { client } = system;
  for (const each of CLASSES) await client.create(STORAGE_CLASSES, each, never);
  const annotate = (name: string, annotations: object) =>
    client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body: { metadata: { annotations } } }, never);
  await annotate('node-1', { [STORAGE_RESERVED]: JSON.stringify({ [POOL]: '15Gi' }) });
  await annotate('far-1', { [LOST]: 'burnt' });
  await client.create(NODES, { metadata: { name: 'mute-1', labels: { 'kubernetes.io/hostname': 'mute-1' } } }, never);
  await system.kubectl('taint', 'node', 'node-2', 'team=db:NoSchedule');
  expect(await toldOtherwise(MORE)).toEqual([]);
}, 240_000);

test('a pod whose scheduler does not run is told that nobody says anything of it', async () => {
  const { events } = system.stores;
  await until('it is told', [events], 2 * WITHIN_MS, () => ourEventsOn('unseen').length > 0);
  expect(ourEventsOn('unseen')).toEqual([
    { reason: 'NoScheduler', message: expect.stringContaining('nobody (spec.schedulerName)'), by: OPERATOR },
  ]);
}, 240_000);

/** Commands of README that only look, or annotate, with names that are there. */
const COMMANDS = readFileSync(path.join(CHECKOUT, 'README.md'), 'utf8')
  .split('`')
  .filter((part) => /^kubectl (get|describe|annotate|open-local (top|disks|volumes|why|doctor)) /.test(`${part} `))
  .map((command) => command.replace('NODE', 'spare-1').replace('POD', 'too-big').replace('…', `${LOG_LEVEL}=info`));

/** Resolves to what the command tells. Throws where it fails. */
async function runAsTold(command: string): Promise<string> {
  tell(command);
  const [, first = '', ...rest] = command.split(' ');
  if (first !== 'open-local') return system.kubectl(first, ...rest);
  const { stdout, stderr } = await runForPeople({ kubeconfig: system.cluster.admin }, rest, 200);
  if (stderr !== '') throw new Error(stderr);
  return stdout;
}

test("README's commands run as they stand there", async () => {
  expect(COMMANDS.length).toBeGreaterThan(10);
  for (const command of COMMANDS) await expect(runAsTold(command)).resolves.toBeTypeOf('string');
}, 240_000);

test('of a claim that a quota forbids its controller tells, and `why` that it waits for that', async () => {
  const none = { hard: { 'rationed.storageclass.storage.k8s.io/persistentvolumeclaims': '0' } };
  const quotas = { group: '', version: 'v1', plural: 'resourcequotas', kind: 'ResourceQuota', namespaced: true };
  await system.client.create(quotas, { metadata: { namespace: 'default', name: 'none' }, spec: none } as never, never);
  // Until its controller has counted it forbids nothing.
  await system.kubectl('wait', 'quota/none', '--for=jsonpath={.status.hard}', '--timeout=60s');
  const spec = { ...claimSpec('1Gi'), storageClassName: 'rationed' };
  await createPod('quota', [], {
    ...on('node-1'),
    volumes: [{ name: 'tmp', ephemeral: { volumeClaimTemplate: { spec } } }],
  });
  const isTold = (): boolean => eventsOn('quota').some(({ message }) => message.includes('exceeded quota: none'));
  await until('the controller tells', [system.stores.events], WITHIN_MS, isTold, () => eventsOn('quota'));
  expect(await runAsTold('kubectl open-local why pod quota')).toContain('waiting for ephemeral volume controller');
  expect(ourEventsOn('quota')).toEqual([]);
}, 240_000);

test('of a claim that is not there the scheduler tells, and `why` too', async () => {
  await createPod('no-claim', [], ofClaim('never-made'));
  const { events } = system.stores;
  await until('the scheduler tells', [events], WITHIN_MS, () => eventsOn('no-claim').length > 0);
  expect(eventsOn('no-claim')[0]?.message).toContain('persistentvolumeclaim "never-made" not found');
  expect(await runAsTold('kubectl open-local why pod no-claim')).toContain('never-made');
}, 240_000);

test('while no operator answers, the scheduler says that it asked in vain, and `why` that there is room', async () => {
  const { operator } = system.leader();
  await operator.stop();
  await createPod('unasked', [size('1Gi')], on('node-1'));
  const { events } = system.stores;
  // Its first words may be that the pod's own claim is not there yet.
  const isTold = (): boolean =>
    eventsOn('unasked').some(({ message }) => /Post "https:.*(connection refused|EOF|reset)/.test(message));
  await until('the scheduler tells', [events], WITHIN_MS, isTold, () => eventsOn('unasked'));
  expect(await runAsTold('kubectl open-local why pod unasked')).toContain('The operator does not lead');
  operator.start();
  await untilRunning(system, ['unasked'], WITHIN_MS);
}, 240_000);
