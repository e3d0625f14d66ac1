import { expect, test } from 'vitest';
import { claim, gib, ledgerWith, lvm, pod, volume } from '../../capacity/ledger-fixture.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import { bytes, formatBytes, GIB, MIB } from '../../model/bytes.ts';
import type { ClaimFacts, PodFacts, VolumeFacts } from '../../model/facts.ts';
import type { Condition, Node, NodeLocalStorage } from '../../model/objects.ts';
import { LOST, STORAGE_RESERVED } from '../../model/well-known.ts';
import { asSilent } from '../follow/silent-nodes.ts';
import { createViews } from '../follow/views.ts';
import { sayWhy, type RefusedClaim, type Told } from './sentences.ts';
import { closestGroup, emptySurvey, sourcesOf, surveyNodes, type Sources, type Survey } from './survey.ts';

/** Nodes, their storage, and what pods ask for: as objects, so that the sentences are compared with them. */
interface Situation {
  readonly nodes?: readonly Node[];
  readonly storages?: readonly NodeLocalStorage[];
  readonly claims?: readonly ClaimFacts[];
  readonly volumes?: readonly VolumeFacts[];
  readonly pod?: PodFacts;
  readonly refusedClaim?: RefusedClaim;
  /** Nodes whose agents have stopped reporting. */
  readonly silent?: readonly string[];
  /** Before the question. */
  readonly first?: (ledger: Ledger) => void;
}

const VIEWS = createViews(['local.csi.aliyun.com']);
const CLASSES = [
  { ...lvm('ssd'), parameters: { volumeType: 'Device', mediaType: 'ssd' } },
  { ...lvm('wrong'), parameters: { volumeType: 'Tape' } },
  lvm('pool-9', { vgName: 'pool-9' }),
  { ...lvm('second'), topologies: [[{ key: 'kubernetes.io/hostname', values: ['h2'] }]] },
];
const node = (name: string, spec: Node['spec'] = {}, labels: Record<string, string> = {}): Node => ({
  metadata: { name, labels },
  spec,
});

/** A node's report: groups with their size and their volumes, in GiB. */
function nls(
  name: string,
  groups: Readonly<Record<string, readonly [size: number, ...volumes: number[]]>>,
  more: {
    readonly managed?: readonly string[];
    readonly disks?: NonNullable<NonNullable<NodeLocalStorage['status']>['nodeStorageInfo']>['deviceInfo'];
    readonly offered?: readonly string[];
    readonly faulty?: string;
    readonly annotations?: Record<string, string>;
    readonly unregistered?: true;
  } = {},
): NodeLocalStorage {
  const volumeGroups = Object.entries(groups).map(([group, [size, ...volumes]]) => ({
    name: group,
    physicalVolumes: ['/dev/sdb'],
    logicalVolumes: volumes.map((part, i) => ({ name: `${group}-${i}`, vgname: group, total: part * GIB })),
    total: size * GIB,
    available: (size - volumes.reduce((sum, part) => sum + part, 0)) * GIB,
    allocatable: size * GIB,
    extentSize: 4 * MIB,
    ...(group === more.faulty && { condition: 'DiskFault' as const }),
  }));
  return {
    metadata: { name, annotations: more.annotations ?? {} },
    status: {
      nodeStorageInfo: { volumeGroups, deviceInfo: more.disks ?? [] },
      filteredStorageInfo: {
        volumeGroups: [...(more.managed ?? Object.keys(groups))],
        devices: [...(more.offered ?? [])],
      },
      conditions: more.unregistered ? [NOT_REGISTERED] : [],
    },
  };
}

const NOT_REGISTERED: Condition = {
  type: 'DriverRegistered',
  status: 'False',
  reason: 'DriverNotRegistered',
  message: '',
  lastTransitionTime: '',
};

const waits = (...claims: string[]): PodFacts => pod('p', claims, { unscheduled: {} });

function why(situation: Situation): Told | undefined {
  const { storages = [], claims = [], volumes = [], silent = [], first, refusedClaim } = situation;
  const counted = storages.map(VIEWS.storage).map((view) => (silent.includes(view.name) ? asSilent(view) : view));
  const views = new Map(counted.map((view) => [view.name, view]));
  const known = { nodes: [...views.values()].map(({ storage }) => storage), claims, volumes, classes: CLASSES };
  const ledger = ledgerWith(known);
  first?.(ledger);
  const sources = sourcesOf(ledger, views);
  const survey = surveyOf(situation, sources);
  return sayWhy({ survey, group: closestGroup(survey, (name) => ledger.node(name), sources), refusedClaim });
}

/** In two parts, as in a large cluster. */
function surveyOf({ nodes, storages = [], pod: asking = waits('a') }: Situation, sources: Sources): Survey {
  const all = (nodes ?? storages.map(({ metadata }) => node(metadata.name ?? ''))).map(VIEWS.node);
  const survey = emptySurvey();
  for (const part of [all.slice(0, 2), all.slice(2)]) surveyNodes(survey, asking, part, sources);
  return survey;
}

const disk = (name: string, size: number, more: object = {}) => ({
  ...{ name, total: size * GIB, mediaType: 'ssd' as const, readOnly: false },
  ...more,
});

test('too big for any group: what is closest, what fills it, and what would help', () => {
  const storages = [
    nls('n1', { 'pool-0': [30, 25] }),
    nls('n2', { 'pool-0': [10, 2, 1] }),
    nls('n3', { 'pool-0': [20, 19] }),
  ];
  expect(why({ storages, claims: [claim('a', 40)] })).toEqual({
    reason: 'NoRoom',
    message:
      'Waits with claim a (40 GiB, class lvm). On all 3 nodes: not enough room for 40 GiB in any volume group. ' +
      'Closest is volume group pool-0 of node n2, which lacks 33 GiB of 40 GiB: 7 GiB of 10 GiB free, 3 GiB in 2 volumes. ' +
      'No volume group that would do has more than 30 GiB in all. ' +
      'What helps: give a volume group another disk (resourceToBeInited.vgs of the NodeLocalStorageInitConfig), or ask for less.',
  });
});

const ROOM = nls('n1', { 'pool-0': [10] });

test.each<[string, Situation, Told['reason'], readonly (string | RegExp)[]]>([
  [
    'too big together',
    { storages: [ROOM], claims: [claim('a', 6), claim('b', 7)], pod: waits('a', 'b') },
    'NoRoom',
    [
      'claim a (6 GiB, class lvm), claim b (7 GiB, class lvm)',
      'On the only node: not enough room for 2 volumes together (7 GiB, 6 GiB)',
      'pool-0 of node n1, which lacks 3 GiB of 13 GiB: 10 GiB of 10 GiB free.',
    ],
  ],
  [
    'the room is held by another pod',
    {
      storages: [ROOM, nls('n2', { 'pool-0': [10] })],
      claims: [claim('a', 6), claim('b', 6)],
      first: (ledger) => void ledger.filter(pod('q', ['b']), ['n1', 'n2'], 0),
    },
    'RoomHeld',
    ['4 GiB of 10 GiB free, 6 GiB held for pods that are being placed', 'nothing need be done'],
  ],
  [
    'others have it, some of it reserved, some in what is no volume',
    {
      storages: [nls('n1', { 'pool-0': [10, 2] }, { annotations: { [STORAGE_RESERVED]: '{"pool-0":"3Gi"}' } })],
      claims: [claim('a', 6)],
    },
    'NoRoom',
    ['lacks 1 GiB of 6 GiB: 5 GiB of 10 GiB free, 2 GiB in 1 volume, 3 GiB reserved.'],
  ],
  [
    'its class is wrong',
    { storages: [ROOM], claims: [claim('a', 1, { storageClass: 'wrong' })] },
    'ClaimRefused',
    ['StorageClass wrong:', 'Tape', 'What helps: correct what is said'],
  ],
  [
    'its claim was deleted',
    { storages: [ROOM], claims: [claim('a', 1, { deleting: true })] },
    'ClaimNotReady',
    ['the claim default/a is being deleted', 'What helps: make what is missing'],
  ],
  [
    'it asks for what no local volume can be',
    { storages: [ROOM], claims: [claim('a', 1, { use: { accessModes: ['ReadWriteMany'] } })] },
    'ClaimRefused',
    ['On the only node: the claim default/a: access mode ReadWriteMany is not possible'],
  ],
  [
    'the group of its class is nowhere',
    { storages: [ROOM], claims: [claim('a', 1, { storageClass: 'pool-9' })] },
    'NoSuchStorage',
    ['there is no volume group pool-9', 'make the group'],
  ],
  [
    'the group of its class is not managed',
    { storages: [nls('n1', { 'pool-9': [10] }, { managed: [] })], claims: [claim('a', 1, { storageClass: 'pool-9' })] },
    'NoSuchStorage',
    ['volume group pool-9 is there, and', 'name the group in listConfig.vgs.include'],
  ],
  [
    'a disk that would do is not offered',
    {
      storages: [nls('n1', {}, { disks: [disk('/dev/sdc', 5), disk('/dev/sdd', 20)] })],
      claims: [claim('a', 10, { storageClass: 'ssd' })],
    },
    'NoSuchStorage',
    ['disk /dev/sdd is large enough', 'if nobody needs the disk, name it in listConfig.devices.include'],
  ],
  [
    'no disk is offered, and none could be',
    {
      storages: [nls('n1', {}, { disks: [disk('/dev/sdc', 5)] }), nls('n2', {})],
      claims: [claim('a', 10, { storageClass: 'ssd' })],
    },
    'NoSuchStorage',
    ['On all 2 nodes: the node offers claims no ssd disk.', 'offer claims disks or mount points (listConfig'],
  ],
  [
    'the offered disk is taken',
    {
      storages: [
        nls('n1', {}, { disks: [disk('/dev/sdc', 20, { inUse: 'belongs to volume v' })], offered: ['/dev/sdc'] }),
      ],
      claims: [claim('a', 10, { storageClass: 'ssd' })],
    },
    'NoRoom',
    ['no free ssd disk of 10 GiB or more', 'offer claims another disk'],
  ],
  [
    'the offered disk is too small, and what is not offered is in use',
    {
      storages: [
        nls(
          'n1',
          {},
          { disks: [disk('/dev/sdc', 5), disk('/dev/sdd', 20, { inUse: 'mounted' })], offered: ['/dev/sdc'] },
        ),
      ],
      claims: [claim('a', 10, { storageClass: 'ssd' })],
    },
    'NoRoom',
    ['no free ssd disk of 10 GiB or more', 'The largest free disk is /dev/sdc of node n1, 5 GiB.'],
  ],
  [
    'an agent is silent',
    { storages: [{ metadata: { name: 'n1' } }], claims: [claim('a', 1)] },
    'NoSuchStorage',
    ['the agent of the node has not reported its storage yet', "the log of the agent's pod on n1"],
  ],
  [
    'a node is marked as lost',
    { storages: [nls('n1', { 'pool-0': [10] }, { annotations: { [LOST]: 'burnt' } })], claims: [claim('a', 1)] },
    'NoSuchStorage',
    ['the node is marked as lost', 'kubectl describe nls n1'],
  ],
  [
    'a group lacks a disk',
    { storages: [nls('n1', { 'pool-0': [10] }, { faulty: 'pool-0' })], claims: [claim('a', 1)] },
    'NoRoom',
    [/^(?!.*Closest).*volume group pool-0 lacks a disk/, 'kubectl describe nls n1'],
  ],
  [
    'no node has ours',
    { nodes: [node('n1'), node('n2'), node('n3')], claims: [claim('a', 1)] },
    'NoSuchStorage',
    ['On all 3 nodes: the node has no storage managed by open-local.', 'an agent should run on n1'],
  ],
  [
    'the node with room is cordoned',
    {
      nodes: [node('n1', { unschedulable: true }), node('n2')],
      storages: [ROOM, nls('n2', { 'pool-0': [5] })],
      claims: [claim('a', 6)],
    },
    'NodeNotAllowed',
    ['1: the node is cordoned, and the node has room', '1: not enough room for 6 GiB', 'kubectl uncordon n1'],
  ],
  [
    'the agent of the node with room has stopped reporting',
    { storages: [ROOM, nls('n2', { 'pool-0': [5] })], claims: [claim('a', 6)], silent: ['n1', 'n2'] },
    'NodeNotAllowed',
    ['1: the agent of the node has stopped reporting', "see the log of the agent's pod on n1: its storage gets no new"],
  ],
  [
    'the agent of the node with the disk has stopped reporting',
    {
      storages: [nls('n1', {}, { disks: [disk('/dev/sdb', 10)], offered: ['/dev/sdb'] })],
      claims: [claim('a', 6, { storageClass: 'ssd' })],
      silent: ['n1'],
    },
    'NodeNotAllowed',
    ['the agent of the node has stopped reporting'],
  ],
  [
    'the kubelet of the node with room does not know the driver',
    {
      storages: [
        nls('n1', { 'pool-0': [10] }, { unregistered: true }),
        nls('n2', { 'pool-0': [5] }, { unregistered: true }),
      ],
      claims: [claim('a', 6)],
    },
    'NodeNotAllowed',
    [
      '1: the kubelet of the node does not know the driver; 1: not enough room for 6 GiB',
      "see the agent's pod on n1 and condition DriverRegistered in kubectl describe nls n1",
    ],
  ],
  [
    'the kubelet of the node with the disk does not know the driver',
    {
      storages: [nls('n1', {}, { disks: [disk('/dev/sdb', 10)], offered: ['/dev/sdb'], unregistered: true })],
      claims: [claim('a', 6, { storageClass: 'ssd' })],
    },
    'NodeNotAllowed',
    ['the kubelet of the node does not know the driver'],
  ],
  [
    'the node with room is tainted',
    {
      nodes: [node('n1', { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] })],
      storages: [ROOM],
      claims: [claim('a', 6)],
    },
    'NodeNotAllowed',
    ['the pod does not tolerate taint gpu=yes:NoSchedule, and the node has room'],
  ],
  [
    'the pod leaves out the node with room',
    {
      nodes: [node('n1'), node('n2', {}, { disk: 'ssd' })],
      storages: [ROOM, nls('n2', { 'pool-0': [5] })],
      claims: [claim('a', 6)],
      pod: pod('p', ['a'], { unscheduled: { selector: { disk: 'ssd' } } }),
    },
    'NodeNotAllowed',
    ['leaves the node out, and the node has room', 'Closest is volume group pool-0 of node n2, which lacks 1 GiB'],
  ],
  [
    'the class leaves out the node with room',
    {
      nodes: [node('n1', {}, { 'kubernetes.io/hostname': 'h1' }), node('n2', {}, { 'kubernetes.io/hostname': 'h2' })],
      storages: [ROOM, nls('n2', { 'pool-0': [5] })],
      claims: [claim('a', 6, { storageClass: 'second' })],
    },
    'NodeNotAllowed',
    [
      '1: allowedTopologies of StorageClass second leave the node out, and the node has room',
      '1: not enough room for 6 GiB',
      'let allowedTopologies of the StorageClass name the hostname of n1',
    ],
  ],
  [
    'its volumes are on two nodes',
    {
      storages: [ROOM, nls('n2', { 'pool-0': [10] })],
      claims: [claim('a', 1), claim('b', 1)],
      volumes: [
        volume('va', 'pool-0', 1, { claimUid: 'uid-a' }),
        volume('vb', 'pool-0', 1, { claimUid: 'uid-b', node: 'n2' }),
      ],
      pod: waits('a', 'b'),
    },
    'DataElsewhere',
    ['claim a (1 GiB, class lvm, on node n1), claim b (1 GiB, class lvm, on node n2)', 'are on different nodes'],
  ],
  [
    'its source is on a full node',
    {
      storages: [nls('n1', { 'pool-0': [10, 8] }), nls('n2', { 'pool-0': [10] })],
      claims: [claim('a', 6, { source: { kind: 'VolumeSnapshot', name: 's' } })],
      first: (ledger) =>
        ledger.sourceChanged({ namespace: 'default', name: 's', node: 'n1', readOnly: false, size: gib(6) }),
    },
    'NoRoom',
    ['1: not enough room for 6 GiB', '1: a volume of the pod, or what it is made from, is on another node'],
  ],
  [
    'its source is not there',
    { storages: [ROOM], claims: [claim('a', 6, { source: { kind: 'VolumeSnapshot', name: 's' } })] },
    'ClaimNotReady',
    ['made from VolumeSnapshot s, which is not known yet or not ready'],
  ],
  [
    'its node is cordoned',
    {
      nodes: [node('n1', { unschedulable: true }), node('n2')],
      storages: [ROOM, nls('n2', { 'pool-0': [10] })],
      claims: [claim('a', 1, { bound: true, volumeName: 'pv' })],
      volumes: [volume('va', 'pool-0', 1, { claimUid: 'uid-a' })],
    },
    'NodeNotAllowed',
    ['claim a (1 GiB, class lvm, on node n1)', 'kubectl uncordon n1'],
  ],
  [
    'a node could not make it where there is room',
    {
      storages: [ROOM],
      claims: [claim('a', 6)],
      first: (ledger) => {
        const policy = { kind: 'LVM', fsType: 'ext4' } as never;
        ledger.place({ name: 'v', size: gib(6), policy, nodes: ['n1'] }, 0);
        ledger.refused('v', false, 0);
        ledger.unplace('v');
      },
      refusedClaim: { name: 'a', words: 'node n1 could not make the volume: no luck' },
    },
    'NoRoom',
    [
      'a volume of 6 GiB could not be made in a volume group that reports room',
      'has room by its numbers',
      'CreateVolume refused claim a: node n1 could not make the volume: no luck.',
    ],
  ],
  [
    'CreateVolume refused its claim',
    { storages: [ROOM], claims: [claim('a', 1)], refusedClaim: { name: 'a', words: 'no such secret' } },
    'ClaimRefused',
    ['Waits with claim a (1 GiB, class lvm). CreateVolume refused claim a: no such secret'],
  ],
  [
    'an inline volume has no room',
    {
      storages: [ROOM],
      pod: pod('p', [], {
        unscheduled: {},
        volumes: [{ kind: 'inline', volumeName: 'tmp', attributes: { vgName: 'pool-0', size: '11Gi' } }],
      }),
    },
    'NoRoom',
    ['inline volume tmp (11 GiB)', 'not enough room for 11 GiB in volume group pool-0', 'lacks 1 GiB of 11 GiB'],
  ],
])('a pod waits: %s', (_, situation, reason, parts) => {
  const told = why(situation);
  expect(told?.reason).toBe(reason);
  for (const part of parts) expect(told?.message).toMatch(part);
  expect(told?.message.length).toBeLessThanOrEqual(1024);
});

test.each<[string, Situation]>([
  ['a node has room', { storages: [ROOM], claims: [claim('a', 6)] }],
  ['no volume of it is ours', { storages: [ROOM], claims: [claim('a', 60, { storageClass: 'theirs' })] }],
  ['its claim is not known, and may be another driver’s', { storages: [ROOM] }],
  [
    'room is held for it',
    {
      storages: [ROOM],
      claims: [claim('a', 6)],
      first: (ledger) => void ledger.filter(waits('a'), ['n1'], 0),
    },
  ],
])('nothing is said of a pod while %s', (_, situation) => {
  expect(why(situation)).toBeUndefined();
});

test('many volumes and many causes still fit into one Event', () => {
  const names = Array.from({ length: 30 }, (_, i) => `${'long-name-'.repeat(5)}${i}`);
  const taints = names.map((key) => [{ key, effect: 'NoSchedule' }]);
  const told = why({
    nodes: names.map((name, i) => node(name, { taints: taints[i] ?? [] })),
    storages: [],
    claims: names.map((name) => claim(name, 5)),
    pod: waits(...names),
  });
  expect(told?.message).toContain('26 more');
  expect(told?.message).toContain('25: other causes');
  expect(told?.message.length).toBeLessThanOrEqual(1024);
});

test('the numbers are those of the objects', () => {
  for (const [size, used] of [
    [17, 5],
    [9, 8],
    [120, 1],
  ] as const) {
    const storage = nls('n1', { 'pool-0': [size, used] });
    const [group] = storage.status?.nodeStorageInfo?.volumeGroups ?? [];
    const asked = bytes((size - used + 2) * GIB);
    const { message = '' } = why({ storages: [storage], claims: [{ ...claim('a', 0), requested: asked }] }) ?? {};
    expect(message).toContain(
      `lacks 2 GiB of ${formatBytes(asked)}: ${formatBytes(bytes(group?.available ?? 0))} of ${formatBytes(bytes(group?.total ?? 0))} free`,
    );
  }
});
