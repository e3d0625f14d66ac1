import { describe, expect, test } from 'vitest';
import { parseStorageClass } from '../../model/storage-class.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, lvm, node, pod, unit, volume } from '../ledger-fixture.ts';

const any = parseStorageClass({ volumeType: 'LVM' });
const sent = (name: string, size: number, more = {}) => claim(name, size, { selectedNode: 'n1', ...more });

describe('after a restart', () => {
  test('a claim that was sent to a node holds its room there, with no pod known', () => {
    const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], claims: [sent('a', 6)] });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    expect(ledger.place({ name: 'v', claimUid: 'uid-a', size: gib(6), policy: any, nodes: ['n1'] }, 0).ok).toBe(true);
  });

  test.each<[string, Parameters<typeof claim>[2]]>([
    ['of another driver', { storageClass: 'nfs' }],
    ['of a class that is not known', { storageClass: 'gone' }],
    ['of a wrong class', { storageClass: 'tape' }],
    ['that is bound to a volume that is seen', { volumeName: 'pv', bound: true }],
    ['that waits for a volume made by hand', { volumeName: 'by-hand' }],
    ['that mounts a snapshot as it is', { source: { kind: 'VolumeSnapshot', name: 'read-only' } }],
  ])('no room is held for a claim %s', (_, more) => {
    const classes = [{ name: 'nfs', provisioner: 'nfs.example', parameters: {} }, lvm('tape', { volumeType: 'Tape' })];
    const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], classes });
    ledger.pvChanged({ name: 'pv', driver: 'local.csi.aliyun.com', handle: 'pv', node: 'n1' });
    ledger.sourceChanged({ namespace: 'default', name: 'read-only', node: 'n1', readOnly: true });
    ledger.claimChanged(sent('a', 6, more));
    expect(ledger.holds().claims).toBe(0);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });

  test('what mounts a snapshot of another namespace holds no room while that is there', () => {
    const source = { kind: 'VolumeSnapshot', name: 'monday', namespace: 'backups' } as const;
    const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], claims: [sent('a', 6, { source })] });
    ledger.sourceChanged({ namespace: 'default', name: 'monday', node: 'n1', readOnly: true });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    ledger.sourceChanged({ namespace: 'backups', name: 'monday', node: 'n1', readOnly: true });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
    ledger.sourceGone('default', 'monday');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
    ledger.sourceGone('backups', 'monday');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('room is kept for a bound claim until its volume is seen', () => {
    const ledger = ledgerWith({
      nodes: [node('n1', [group('pool-0', 10)])],
      claims: [sent('a', 6, { volumeName: 'pv', bound: true })],
    });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    const takes = { kind: 'LVM', where: 'pool-0', size: gib(6) } as const;
    ledger.pvChanged({
      name: 'pv',
      driver: 'local.csi.aliyun.com',
      handle: 'pv',
      node: 'n1',
      claimUid: 'uid-a',
      takes,
    });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    expect(ledger.holds().claims).toBe(0);
  });

  test('claims that fitted together do so again, in whatever order they come', () => {
    const nodes = [node('n1', [group('six', 6), group('four', 4)])];
    const claims = [sent('a', 4), sent('b', 3), sent('c', 3)];
    for (const order of [claims, claims.toReversed(), [claims[1], claims[0], claims[2]]]) {
      const ledger = ledgerWith({ nodes }, { strategy: 'spread' });
      for (const item of order) if (item) ledger.claimChanged(item);
      expect(ledger.holds().claims).toBe(3);
      expect([freeIn(ledger, 'n1', 'six'), freeIn(ledger, 'n1', 'four')]).toEqual([0, 0]);
    }
  });

  test('those that never fit together leave all as it was, until a group is extended', () => {
    const nodes = (four: number) => [node('n1', [group('six', 6), group('four', four)])];
    const claims = [sent('a', 5), sent('b', 5), claim('c', 5)];
    const ledger = ledgerWith({ nodes: nodes(4), claims }, { strategy: 'spread' });
    expect(ledger.holds().claims).toBe(1);
    expect([freeIn(ledger, 'n1', 'six'), freeIn(ledger, 'n1', 'four')]).toEqual([gib(1), gib(4)]);
    expect(ledger.lacks(pod('p', ['c']), ['n1']).closest).toMatchObject({ where: 'four', lacks: gib(1) });
    for (const each of nodes(5)) ledger.nodeChanged(each);
    expect(ledger.holds().claims).toBe(2);
  });

  test('disks too', () => {
    const nodes = [node('n1', [], [unit('Device', '/dev/b', 5), unit('Device', '/dev/c', 5, { mediaType: 'hdd' })])];
    const classes = [lvm('disk', { volumeType: 'Device' }), lvm('ssd', { volumeType: 'Device', mediaType: 'ssd' })];
    const claims = [sent('any', 5, { storageClass: 'disk' }), sent('fast', 5, { storageClass: 'ssd' })];
    expect(ledgerWith({ nodes, classes, claims }).holds().claims).toBe(2);
    expect(ledgerWith({ nodes, classes, claims: claims.toReversed() }).holds().claims).toBe(2);
  });
});

describe('a claim that was sent where there is no room', () => {
  const nodes = [node('n1', [group('pool-0', 10)])];

  test.each<[string, (ledger: ReturnType<typeof ledgerWith>) => void]>([
    ['when a volume goes', (ledger) => ledger.volumeGone('v')],
    ['when the group is extended', (ledger) => ledger.nodeChanged(node('n1', [group('pool-0', 14)]))],
  ])('gets it %s', (_, free) => {
    const ledger = ledgerWith({ nodes, volumes: [volume('v', 'pool-0', 8)], claims: [sent('a', 6)] });
    expect(ledger.holds().claims).toBe(0);
    free(ledger);
    expect(ledger.holds().claims).toBe(1);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(ledger.snapshot()[0]?.groups[0]?.total === gib(14) ? 0 : 4));
  });

  test('does not wait any more when it was sent elsewhere', () => {
    const ledger = ledgerWith({ nodes, volumes: [volume('v', 'pool-0', 8)], claims: [sent('a', 6)] });
    ledger.claimChanged(claim('a', 6));
    ledger.volumeGone('v');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });

  test('gets it when the node comes', () => {
    const ledger = ledgerWith({ claims: [sent('a', 6)] });
    for (const item of nodes) ledger.nodeChanged(item);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });
});

test('a claim that the provisioner gives back leaves its room, and takes it where it is sent next', () => {
  const nodes = ['n1', 'n2'].map((name) => node(name, [group('pool-0', 10)]));
  const ledger = ledgerWith({ nodes, claims: [sent('a', 6)] });
  ledger.claimChanged(claim('a', 6));
  expect([freeIn(ledger, 'n1', 'pool-0'), freeIn(ledger, 'n2', 'pool-0')]).toEqual([gib(10), gib(10)]);
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' }));
  expect([freeIn(ledger, 'n1', 'pool-0'), freeIn(ledger, 'n2', 'pool-0')]).toEqual([gib(10), gib(4)]);
});

test('a class that comes late, goes, or comes back otherwise, changes what its claims hold', () => {
  const nodes = [node('n1', [group('pool-0', 10), group('pool-1', 10)])];
  const ledger = ledgerWith({ nodes, claims: [sent('a', 6, { storageClass: 'late' })] });
  const free = () => [freeIn(ledger, 'n1', 'pool-0'), freeIn(ledger, 'n1', 'pool-1')];
  expect(free()).toEqual([gib(10), gib(10)]);
  ledger.classChanged(lvm('late', { vgName: 'pool-0' }));
  expect(free()).toEqual([gib(4), gib(10)]);
  ledger.classChanged(lvm('late', { vgName: 'pool-1' }));
  expect(free()).toEqual([gib(10), gib(4)]);
  ledger.classGone('late');
  expect(free()).toEqual([gib(10), gib(10)]);
});

test('a pod is filtered to the node its claim was sent to, and holds nothing twice', () => {
  const nodes = ['n1', 'n2'].map((name) => node(name, [group('pool-0', 10)]));
  const ledger = ledgerWith({ nodes, claims: [sent('a', 6), claim('b', 4)] });
  expect(fitting(ledger, pod('p', ['a', 'b']), ['n1', 'n2'])).toEqual(['n1']);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(0);
  expect(fitting(ledger, pod('p', ['a', 'b']), ['n1', 'n2'])).toEqual(['n1']);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(0);
});
