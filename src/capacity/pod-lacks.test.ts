import { present } from '../model/present.ts';
import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import { claim, gib, group, ledgerWith, lvm, node, pod, unit, volume } from './ledger-fixture.ts';

const NAMES = ['n1', 'n2', 'n3'];
const ssd = { ...lvm('ssd'), parameters: { volumeType: 'Device', mediaType: 'ssd' } };
const asking = pod('p', ['a']);

test('the node that lacks least is named, and how large the largest group is', () => {
  const nodes = [
    node('n1', [group('pool-0', 30, { volumes: [{ name: 'v', size: gib(25) }] })]),
    node('n2', [group('pool-0', 10, { volumes: [{ name: 'v', size: gib(2) }] }), group('pool-1', 3)]),
  ];
  const { refusals, closest } = ledgerWith({ nodes, claims: [claim('a', 12)] }).lacks(asking, NAMES);
  expect(refusals.map((refusal) => refusal?.kind)).toEqual(['group-too-small', 'group-too-small', 'unknown-node']);
  expect(closest).toEqual({
    ...{ node: 'n2', kind: 'LVM', where: 'pool-0' },
    ...{ needed: 12 * GIB, free: 8 * GIB, lacks: 4 * GIB, whole: 30 * GIB },
  });
});

test('volumes that do not fit together lack what they take more than the group has', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)])],
    claims: [claim('a', 6), { ...claim('b', 0), requested: bytes(6 * GIB + 1) }],
  });
  const { closest } = ledger.lacks(pod('p', ['a', 'b']), NAMES);
  expect(closest).toMatchObject({ needed: 12 * GIB + 4 * MIB, free: 10 * GIB, lacks: 2 * GIB + 4 * MIB });
});

test('two groups each take a volume, and the one that lacks is named', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10), group('pool-1', 4)])],
    claims: [claim('a', 9), claim('b', 6)],
  });
  expect(ledger.lacks(pod('p', ['a', 'b']), NAMES).closest).toMatchObject({ where: 'pool-1', lacks: 2 * GIB });
});

test('of disks that are free the largest is closest, and one that serves a volume is not', () => {
  const disks = [unit('Device', '/dev/sdc', 5), unit('Device', '/dev/sdd', 8), unit('Device', '/dev/sde', 20)];
  const ledger = ledgerWith({
    nodes: [node('n1', [], disks), node('n2', [], [unit('Device', '/dev/sdc', 30, { mediaType: 'hdd' })])],
    classes: [ssd],
    claims: [claim('a', 10, { storageClass: 'ssd' })],
    volumes: [volume('v', '/dev/sde', 20, { kind: 'Device' })],
  });
  expect(ledger.lacks(asking, NAMES).closest).toEqual({
    ...{ node: 'n1', kind: 'Device', where: '/dev/sdd' },
    ...{ needed: 10 * GIB, free: 8 * GIB, lacks: 2 * GIB, whole: 8 * GIB },
  });
});

test('it holds nothing, and leaves what the pod holds', () => {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], claims: [claim('a', 6)], pods: [asking] });
  const before = ledger.snapshot();
  expect(ledger.lacks(asking, ['n1']).refusals).toEqual([undefined]);
  expect(ledger.snapshot()).toEqual(before);
  ledger.filter(asking, ['n1'], 0);
  const held = ledger.snapshot();
  expect(ledger.lacks(asking, ['n1']).refusals).toEqual([undefined]);
  expect(ledger.snapshot()).toEqual(held);
  // For another pod the held room is what is missing.
  ledger.claimChanged(claim('b', 6));
  const other = ledger.lacks(pod('q', ['b']), ['n1']);
  expect(other.closest).toMatchObject({ free: 4 * GIB, lacks: 2 * GIB });
});

test('of a pod that holds room, other nodes are said to be left out only where they have room', () => {
  const full = group('pool-0', 10, { volumes: [{ name: 'v', size: gib(8) }] });
  const nodes = [node('n1', [group('pool-0', 10)]), node('n2', [full]), node('n3', [group('pool-0', 10)])];
  const ledger = ledgerWith({ nodes, claims: [claim('a', 6)], pods: [asking] });
  ledger.filter(asking, ['n1'], 0);
  const kinds = ledger.lacks(asking, [...NAMES, 'n4']).refusals.map((refusal) => refusal?.kind);
  expect(kinds).toEqual([undefined, 'group-too-small', 'held-by-others', 'unknown-node']);
  expect(ledger.lacks(asking, ['n3']).refusals[0]?.message).toMatch(/other nodes have more room/);
});

test('what a pod asks of us is what is surely ours', () => {
  const ledger = ledgerWith({
    claims: [claim('a', 5), claim('placed', 3, { selectedNode: 'n2' }), claim('other', 5, { storageClass: 'theirs' })],
  });
  const { asked } = ledger.lacks(
    pod('p', [], {
      volumes: [
        ...['a', 'placed', 'other', 'unheard'].map((claimName) => ({ kind: 'claim', claimName }) as const),
        { kind: 'ephemeral', claimName: 'p-tmp', storageClass: 'lvm', requested: gib(1) },
        { kind: 'inline', volumeName: 'scratch', attributes: { vgName: 'pool-0', size: '2Gi' } },
      ],
    }),
    [],
  );
  const lvmClaim = { what: 'claim', storageClass: 'lvm', kind: 'LVM' };
  expect(asked).toEqual([
    { ...lvmClaim, name: 'a', size: 5 * GIB },
    { ...lvmClaim, name: 'placed', size: 3 * GIB, node: 'n2' },
    { ...lvmClaim, name: 'p-tmp', size: GIB },
    { what: 'inline volume', name: 'scratch', size: 2 * GIB, kind: 'LVM', vgName: 'pool-0' },
  ]);
});

test.each([
  ['n2', undefined, 'VolumeSnapshot monday on node n2'],
  ['', 'it overflowed', 'VolumeSnapshot monday'],
])('what a claim is made from is named, with its node %j where it has one', (of, problem, source) => {
  const ledger = ledgerWith({ claims: [claim('a', 5, { source: { kind: 'VolumeSnapshot', name: 'monday' } })] });
  ledger.sourceChanged({ namespace: 'default', name: 'monday', node: of, readOnly: false, ...present({ problem }) });
  expect(ledger.lacks(pod('p', ['a']), []).asked[0]?.source).toBe(source);
});

test('which classes choose nodes for what is to be made: not for what is placed, or may be there already', () => {
  const topologies = [[{ key: 'kubernetes.io/hostname', values: ['h1'] }]];
  const ledger = ledgerWith({
    classes: [{ ...lvm('choosy'), topologies }],
    claims: [
      claim('new', 1, { storageClass: 'choosy' }),
      claim('sent', 1, { storageClass: 'choosy', selectedNode: 'n1' }),
      claim('any', 1),
    ],
  });
  const choosy = [{ storageClass: 'choosy', terms: topologies }];
  expect(ledger.classesOf(pod('p', ['new', 'any']))).toEqual(choosy);
  expect(ledger.classesOf(pod('p', ['sent', 'any']))).toEqual([]);
  const ephemeral = { kind: 'ephemeral', claimName: 'p-v', storageClass: 'choosy', requested: gib(1) } as const;
  expect(ledger.classesOf(pod('p', [], { volumes: [ephemeral] }))).toEqual(choosy);
  const offer = { storageClass: 'choosy', capacity: gib(1), block: false, accessModes: ['ReadWriteOnce'], labels: {} };
  ledger.pvChanged({ name: 'pv', driver: 'other', handle: 'pv', offer: { ...offer, available: true } });
  expect(ledger.classesOf(pod('p', ['new']))).toEqual([]);
});
