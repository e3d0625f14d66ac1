import { expect, test } from 'vitest';
import { claim, gib, group, ledgerWith, lvm, node, pod, unit } from '../ledger-fixture.ts';
import type { AntiAffinity } from './score-nodes.ts';

const DISK = lvm('disk', { volumeType: 'Device' });
const disks = (count: number) => Array.from({ length: count }, (_, i) => unit('Device', `/dev/sd${i}`, 5));

test('a node whose disk vanished after filter scores nothing, and the others what they did', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [], disks(1)), node('n2', [], disks(2))],
    classes: [DISK],
    claims: [claim('a', 1, { storageClass: 'disk' })],
  });
  ledger.filter(pod('a', ['a']), ['n1', 'n2'], 0);
  ledger.nodeChanged(node('n1', []));
  expect([...ledger.prioritize(pod('a', ['a']), ['n1', 'n2'])]).toEqual([0, 10]);
});

test('a volume that is there already counts for nothing: the mean is over those that are made', () => {
  const ledger = ledgerWith(
    {
      nodes: [node('n1', [group('pool-0', 40)]), node('n2', [group('pool-0', 40)]), node('n3', [group('pool-0', 11)])],
      claims: [claim('a', 5), claim('b', 5)],
    },
    { strategy: 'spread' },
  );
  const offer = { storageClass: 'lvm', capacity: gib(5), block: false, accessModes: ['ReadWriteOnce'], labels: {} };
  ledger.pvChanged({ name: 'old', driver: 'nfs', handle: '', offer: { ...offer, available: true, nodes: ['n1'] } });
  ledger.filter(pod('ab', ['a', 'b']), ['n1', 'n2', 'n3'], 0);
  // 35 of 40 stay empty on the first, 30 of 40 on the second, 1 of 11 on the third.
  expect([...ledger.prioritize(pod('ab', ['a', 'b']), ['n1', 'n2', 'n3'])]).toEqual([10, 8, 0]);
});

test.each<[string, AntiAffinity, readonly string[], readonly number[]]>([
  ['a weight of nothing is no weight', { LVM: 4, Device: 0 }, [], [0, 4]],
  ['the least weight counts', { LVM: 1 }, [], [0, 1]],
  ['a pod is not kept from what one of its volumes uses', { LVM: 10 }, ['a', 'd'], [10, 0]],
])('anti-affinity: %s', (_, antiAffinity, claims, want) => {
  const nodes = [node('n1', [group('pool-0', 40)], disks(2)), node('n2', [], disks(2))];
  const known = [claim('a', 1), claim('d', 1, { storageClass: 'disk' })];
  const ledger = ledgerWith({ nodes, classes: [DISK], claims: known }, { antiAffinity });
  expect([...ledger.prioritize(pod('p', claims), ['n1', 'n2'])]).toEqual(want);
});
