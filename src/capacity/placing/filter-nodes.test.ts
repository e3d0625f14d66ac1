import { describe, expect, test } from 'vitest';
import { bytes, MIB } from '../../model/bytes.ts';
import type { ClaimFacts, PodFacts } from '../../model/facts.ts';
import { claim, fitting, gib, group, ledgerWith, lvm, node, pod, unit } from '../ledger-fixture.ts';

const inline = (attributes: Record<string, string>, more: Partial<PodFacts> = {}): PodFacts =>
  pod('p', [], { volumes: [{ kind: 'inline', volumeName: 'tmp', attributes }], ...more });

describe('each refusal is one sentence that says what was asked', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)], [unit('Device', '/dev/b', 5)]), node('n2', [])],
    classes: [
      lvm('tape', { volumeType: 'Tape' }),
      lvm('absent', { vgName: 'pool-9' }),
      lvm('ssd', { volumeType: 'Device', mediaType: 'ssd' }),
      lvm('mount', { volumeType: 'MountPoint' }),
      {
        ...lvm('zonal'),
        topologies: [[{ key: 'kubernetes.io/hostname', values: ['n1'] }], [{ key: 'zone', values: ['z'] }]],
      },
      { ...lvm('some-nodes'), topologies: [[{ key: 'kubernetes.io/hostname', values: ['n2'] }]] },
    ],
    claims: [
      claim('big', 11),
      claim('big-named', 11, { storageClass: 'pool-0' }),
      claim('absent', 1, { storageClass: 'absent' }),
      claim('half', 6),
      claim('disk', 6, { storageClass: 'ssd' }),
      claim('mount', 1, { storageClass: 'mount' }),
      claim('tape', 1, { storageClass: 'tape' }),
      claim('zonal', 1, { storageClass: 'zonal' }),
      claim('some-nodes', 11, { storageClass: 'some-nodes' }),
      claim('zero', 0),
      claim('going', 1, { deleting: true }),
      claim('from-snapshot', 1, { source: { kind: 'VolumeSnapshot', name: 'monday' } }),
      claim('elsewhere', 1, { selectedNode: 'n9' }),
    ],
  });

  test.each<[string, PodFacts, string, string]>([
    ['a node without storage', pod('p', ['big']), 'unknown-node', 'the node has no storage managed by open-local'],
    ['no group has room', pod('p', ['big']), 'group-too-small', 'not enough room for 11 GiB in any volume group'],
    ['the group', pod('p', ['big-named']), 'group-too-small', 'not enough room for 11 GiB in volume group pool-0'],
    ['no such group', pod('p', ['absent']), 'no-such-group', 'there is no volume group pool-9'],
    ['a claim nobody knows', pod('p', ['half', 'half2']), 'claim-missing', 'the claim default/half2 is not known yet'],
    ['no disk', pod('p', ['disk']), 'no-free-unit', 'no free ssd disk of 6 GiB or more'],
    ['no mount point', pod('p', ['mount']), 'no-free-unit', 'no free mount point of 1 GiB or more'],
    [
      'a wrong class',
      pod('p', ['tape']),
      'bad-class',
      'StorageClass tape: StorageClass parameter volumeType: "Tape" is unknown: use LVM, Device, MountPoint',
    ],
    [
      'a class for nodes by a label that csi-provisioner does not know',
      pod('p', ['zonal']),
      'bad-class',
      'StorageClass zonal: allowedTopologies has the key zone, and csi-provisioner knows nodes by kubernetes.io/hostname alone: use that key in the class, or a nodeSelector in the pods',
    ],
    [
      'a class for nodes by their names',
      pod('p', ['some-nodes']),
      'group-too-small',
      'not enough room for 11 GiB in any volume group',
    ],
    [
      'a claim of nothing',
      pod('p', ['zero']),
      'bad-request',
      'the claim default/zero asks for no storage: set spec.resources.requests.storage',
    ],
    ['a claim that is going', pod('p', ['going']), 'claim-missing', 'the claim default/going is being deleted'],
    [
      'a snapshot nobody knows',
      pod('p', ['from-snapshot']),
      'claim-missing',
      'the claim default/from-snapshot is made from VolumeSnapshot monday, which is not known yet or not ready',
    ],
    [
      'a claim sent elsewhere',
      pod('p', ['elsewhere']),
      'wrong-node',
      'a volume of the pod, or what it is made from, is on another node',
    ],
    [
      'an inline volume without a group',
      inline({}),
      'bad-request',
      'inline volume tmp: attribute vgName is missing from volumeAttributes: name the volume group to use',
    ],
    [
      'an inline volume of nonsense',
      inline({ vgName: 'pool-0', size: 'much' }),
      'bad-request',
      'inline volume tmp: attribute size: "much" is not a quantity such as 10Gi',
    ],
    [
      'an inline volume of nothing',
      inline({ vgName: 'pool-0', size: '0' }),
      'bad-request',
      'inline volume tmp: attribute size: "0" must be more than zero',
    ],
    [
      'an inline volume that no node makes',
      inline({ vgName: 'pool-0', lvmType: 'mirror' }),
      'bad-request',
      'inline volume tmp: attribute lvmType: "mirror" is unknown: use linear, striping',
    ],
    [
      'an inline volume with a limit of nothing',
      inline({ vgName: 'pool-0', bps: '0' }),
      'bad-request',
      'inline volume tmp: attribute bps: "0" must be more than zero; leave it out for no limit',
    ],
    [
      'an inline volume with a filesystem that no node makes',
      pod('p', [], {
        volumes: [{ kind: 'inline', volumeName: 'tmp', attributes: { vgName: 'pool-0' }, fsType: 'ntfs' }],
      }),
      'bad-request',
      'inline volume tmp: filesystem "ntfs" is not supported: use ext4, xfs, ext3, ext2, btrfs',
    ],
  ])('%s', (name, asking, kind, message) => {
    const { refusals } = ledger.filter(asking, [name === 'a node without storage' ? 'ghost' : 'n1'], 0);
    expect(refusals).toEqual([{ kind, message, unresolvable: true }]);
  });

  test('volumes that fit one by one but not together', () => {
    ledger.claimChanged(claim('other-half', 5));
    const [refusal] = ledger.filter(pod('p', ['half', 'other-half']), ['n1'], 0).refusals;
    expect(refusal?.message).toBe('not enough room for 2 volumes together (6 GiB, 5 GiB)');
  });
});

test('equal reasons are one object, however many nodes they are for', () => {
  const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
  const ledger = ledgerWith({
    nodes: names.map((name, i) => node(name, [group('pool-0', 1 + (i % 7))])),
    claims: [claim('big', 20)],
  });
  const { refusals } = ledger.filter(pod('p', ['big']), names, 0);
  expect(new Set(refusals).size).toBe(1);
});

test('room that only floats for others is told apart, and may free up', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', 10)]), node('n3', [group('pool-0', 5)])],
    claims: [claim('a', 8), claim('b', 8)],
  });
  ledger.filter(pod('a', ['a']), ['n1', 'n2'], 0);
  const verdict = ledger.filter(pod('b', ['b']), ['n1', 'n2', 'n3'], 0);
  expect(verdict.refusals.map((refusal) => refusal?.kind)).toEqual([
    'held-by-others',
    'held-by-others',
    'group-too-small',
  ]);
  expect(verdict.refusals[0]?.message).toBe('the room for 8 GiB is held for other pods that are being placed');
  expect(verdict.mayFreeUp).toBe(true);

  ledger.claimChanged(claim('a', 8, { selectedNode: 'n1' }));
  const settled = ledger.filter(pod('b', ['b']), ['n1'], 0);
  expect(settled.refusals[0]?.kind).toBe('group-too-small');
  expect(settled.mayFreeUp).toBe(false);
});

test('a claim that comes a moment later is waited for', () => {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])] });
  expect(ledger.filter(pod('p', ['late']), ['n1'], 0).mayFreeUp).toBe(true);
  const before = ledger.freedCount;
  ledger.claimChanged(claim('late', 1));
  expect(ledger.freedCount).toBe(before + 1);
  expect(fitting(ledger, pod('p', ['late']), ['n1'])).toEqual(['n1']);
});

describe('what concerns us', () => {
  const ledger = ledgerWith({
    classes: [{ name: 'nfs', provisioner: 'nfs.example', parameters: {} }],
    claims: [claim('ours', 1), claim('nfs', 1, { storageClass: 'nfs' }), claim('lost', 1, { storageClass: 'gone' })],
  });
  const ephemeral = (storageClass?: string): PodFacts =>
    pod('p', [], {
      volumes: [{ kind: 'ephemeral', claimName: 'p-v', requested: gib(1), ...(storageClass ? { storageClass } : {}) }],
    });

  test.each<[string, PodFacts, boolean]>([
    ['no volumes', pod('p', []), false],
    ['a claim of ours', pod('p', ['ours']), true],
    ['a claim of ours among others', pod('p', ['nfs', 'ours']), true],
    ['a claim that we have not seen', pod('p', ['unseen']), true],
    ['a claim of another driver', pod('p', ['nfs']), false],
    ['a claim of a class that does not exist (R9, not ours, no cost)', pod('p', ['lost']), false],
    ['an inline volume of ours', inline({}), true],
    ['an ephemeral volume of ours', ephemeral('lvm'), true],
    ['an ephemeral volume of another driver', ephemeral('nfs'), false],
    ['an ephemeral volume without a class', ephemeral(), false],
  ])('%s', (_, asking, concerned) => {
    expect(ledger.concerns(asking)).toBe(concerned);
  });
});

describe('volumes that decide the node', () => {
  const objects = {
    nodes: ['n1', 'n2'].map((name) => node(name, [group('pool-0', 10)])),
    claims: [claim('origin', 1, { volumeName: 'pv', bound: true }), claim('plain', 1)],
  };
  const names = ['n1', 'n2', 'n3'];

  test.each([
    ['a bound claim', claim('c', 1, { volumeName: 'pv', bound: true }), ['n2']],
    [
      'a clone goes where its origin is',
      claim('c', 1, { source: { kind: 'PersistentVolumeClaim', name: 'origin' } }),
      ['n2'],
    ],
    [
      'a clone of what is not bound waits',
      claim('c', 1, { source: { kind: 'PersistentVolumeClaim', name: 'plain' } }),
      [],
    ],
    ['a snapshot is read where it is', claim('c', 1, { source: { kind: 'VolumeSnapshot', name: 'copied' } }), ['n1']],
    ['too large a copy', claim('c', 11, { source: { kind: 'VolumeSnapshot', name: 'copied' } }), []],
  ])('%s', (_, asking, want) => {
    const ledger = ledgerWith(objects);
    ledger.pvChanged({ name: 'pv', driver: 'local.csi.aliyun.com', handle: 'pv', node: 'n2' });
    ledger.sourceChanged({ namespace: 'default', name: 'copied', node: 'n1', readOnly: false });
    ledger.claimChanged(asking);
    expect(fitting(ledger, pod('p', ['c']), names)).toEqual(want);
  });

  test('volumes on two nodes are on none', () => {
    const ledger = ledgerWith({
      ...objects,
      claims: [claim('a', 1, { selectedNode: 'n1' }), claim('b', 1, { selectedNode: 'n2' })],
    });
    const { refusals } = ledger.filter(pod('p', ['a', 'b']), names, 0);
    expect(new Set(refusals.map((refusal) => refusal?.message))).toEqual(
      new Set(['the volumes of the pod are on different nodes']),
    );
  });

  test('a bound claim goes to its node even while that node does not report', () => {
    const ledger = ledgerWith({ claims: [claim('c', 1, { volumeName: 'pv', bound: true })] });
    ledger.pvChanged({ name: 'pv', driver: 'local.csi.aliyun.com', handle: 'pv', node: 'n3' });
    expect(fitting(ledger, pod('p', ['c']), names)).toEqual(['n3']);
  });
});

describe('a clone needs room for the snapshot that it is copied from, beside its source', () => {
  /** A source of 16 GiB, which makes a store of 4 GiB. */
  const ledgerOf = (pools: Parameters<typeof node>[1]) => {
    const ledger = ledgerWith({
      nodes: [node('n1', pools)],
      claims: [
        claim('origin', 16, { volumeName: 'pv', bound: true }),
        claim('c', 16, { source: { kind: 'PersistentVolumeClaim', name: 'origin' } }),
      ],
    });
    const takes = { kind: 'LVM', where: 'pool-0', size: gib(16), claimUid: 'origin' } as const;
    ledger.pvChanged({ name: 'pv', driver: 'local.csi.aliyun.com', handle: 'pv', node: 'n1', takes });
    return ledger;
  };

  test.each([
    ['both fit in the group', [group('pool-0', 36)], undefined],
    ['one GiB is missing', [group('pool-0', 35)], 'not enough room for 2 volumes together (4 GiB, 16 GiB)'],
    ['the copy has another group', [group('pool-0', 20), group('pool-1', 16)], undefined],
    [
      'the store has room in another group alone',
      [group('pool-0', 19), group('pool-1', 40)],
      'not enough room for 4 GiB in volume group pool-0',
    ],
  ])('%s', (_, pools, message) => {
    expect(ledgerOf(pools).filter(pod('p', ['c']), ['n1'], 0).refusals[0]?.message).toBe(message);
  });

  test('a pod that names the clone twice needs it once', () => {
    const twice = pod('p', ['c', 'c']);
    expect(ledgerOf([group('pool-0', 36)]).filter(twice, ['n1'], 0).refusals[0]?.message).toBeUndefined();
  });

  test('its room is not held, since CreateVolume takes it', () => {
    const ledger = ledgerOf([group('pool-0', 36)]);
    ledger.filter(pod('p', ['c']), ['n1'], 0);
    expect(ledger.node('n1')?.groups[0]).toMatchObject({ settled: gib(16), free: gib(4) });
    expect(ledger.bind('uid-p', 'n1', 0)).toBeUndefined();
  });
});

test('inline and ephemeral volumes are planned with the claims', () => {
  const asking: PodFacts = pod('p', ['c'], {
    volumes: [
      { kind: 'claim', claimName: 'c' },
      { kind: 'inline', volumeName: 'tmp', attributes: { vgName: 'pool-0' } },
      { kind: 'ephemeral', claimName: 'p-scratch', storageClass: 'lvm', requested: gib(2) },
    ],
  });
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 6)])], claims: [claim('c', 3)] });
  expect(fitting(ledger, asking, ['n1'])).toEqual(['n1']);
  expect(ledger.node('n1')?.groups[0]).toMatchObject({ settled: gib(6), free: 0 });

  // Its claim comes, is sent to the node, and is one with what was held.
  ledger.claimChanged(claim('p-scratch', 2, { selectedNode: 'n1', ofPod: asking.uid }));
  expect(ledger.holds()).toEqual({ floating: 0, settled: 1, claims: 1 });
  expect(ledger.node('n1')?.groups[0]?.free).toBe(0);
});

test.each([
  ['another pod made', { ofPod: 'uid-earlier' }, 'was not made for this pod'],
  ['a person made', {}, 'was not made for this pod'],
  ['an earlier pod of the name had', { ofPod: 'uid-earlier', deleting: true }, 'is being deleted'],
])('a claim of the name that %s is no ephemeral volume’s, and holds nothing for the pod', (_, more, says) => {
  const volumes = [{ kind: 'ephemeral', claimName: 'p-tmp', storageClass: 'lvm', requested: gib(2) }] as const;
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 6)])], claims: [claim('p-tmp', 2, more)] });
  const { refusals } = ledger.filter(pod('p', [], { volumes }), ['n1'], 0);
  expect(refusals).toEqual([expect.objectContaining({ message: expect.stringContaining(says) })]);
  expect(ledger.node('n1')?.groups[0]?.free).toBe(gib(6));
});

describe('claims that CreateVolume would always refuse', () => {
  const impossible = (name: string): ClaimFacts => claim(name, 9, { use: { accessModes: ['ReadWriteMany'] } });
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', 10)])],
    claims: [impossible('a'), impossible('b'), claim('good', 9)],
  });

  test('hold nothing, and their pods are told', () => {
    for (const name of ['a', 'b']) {
      const { refusals } = ledger.filter(pod(name, [name]), ['n1', 'n2'], 0);
      expect(refusals[0]).toMatchObject({
        kind: 'bad-request',
        message: expect.stringContaining(`the claim default/${name}: access mode ReadWriteMany is not possible`),
      });
    }
    ledger.claimChanged({ ...impossible('a'), selectedNode: 'n1' }); // as for a pod that no extender was asked about
    ledger.claimChanged({ ...impossible('b'), selectedNode: 'n2' });
    expect(fitting(ledger, pod('p', ['good']), ['n1', 'n2'])).toEqual(['n1', 'n2']);
  });
});

test('a claim counts as large as its filesystem must be', () => {
  const small = { requested: bytes(1) };
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 1, { extentSize: bytes(4 * MIB) })])],
    classes: [lvm('xfs', { 'csi.storage.k8s.io/fstype': 'xfs' })],
    claims: ['a', 'b', 'c', 'd'].map((name) => claim(name, 1, { ...small, storageClass: 'xfs' })),
  });
  for (const name of ['a', 'b', 'c']) expect(fitting(ledger, pod(name, [name]), ['n1'])).toEqual(['n1']);
  expect(fitting(ledger, pod('d', ['d']), ['n1'])).toEqual([]); // four of 300 MiB are more than 1 GiB
});
