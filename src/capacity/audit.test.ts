import { expect, test } from 'vitest';
import { MIB } from '../model/bytes.ts';
import { createAudit, differencesOf } from './audit.ts';
import { Books } from './books/books.ts';
import { claim, DRIVER, freeIn, gib, group, ledgerWith, node, pod, unit, volume } from './ledger-fixture.ts';
import type { Ledger } from './ledger.ts';

const NODES = ['n1', 'n2'];
const STORAGE = node('n1', [group('pool-0', 20), group('pool-1', 10)], [unit('Device', '/dev/sdc', 100)]);
const volumes = [
  volume('a', 'pool-0', 3),
  volume('b', 'pool-1', 2),
  volume('disk', '/dev/sdc', 100, { kind: 'Device' }),
];
const fresh = (): Ledger => ledgerWith({ nodes: [STORAGE], volumes });
const look = (ledger: Ledger, name = 'n1') => ledger.audit().look(NODES).get(name)!;
const differences = (ledger: Ledger) => differencesOf(look(ledger), look(fresh()));
const heard = { storage: STORAGE, volumes, pvs: [], pods: [] };

test('two ledgers that heard the same, in any order, do not differ, whatever one of them holds', () => {
  const kept = ledgerWith({ volumes: volumes.toReversed(), nodes: [STORAGE], claims: [claim('data', 2)] });
  kept.filter(pod('web', ['data']), NODES, 0);
  expect(kept.holds().settled).toBe(1);
  expect(differences(kept)).toEqual([]);
  expect(look(kept).broken).toEqual([]);
});

test.each<[string, (ledger: Ledger) => void, string]>([
  ['a volume that came', (ledger) => ledger.volumeGone('a'), 'LVM pool-0: volume a recorded'],
  ['a volume that went', (ledger) => ledger.volumeChanged(volume('x', 'pool-0', 5)), 'LVM pool-0: volume x recorded'],
  ['a volume that grew', (ledger) => ledger.volumeChanged(volume('a', 'pool-0', 1)), 'LVM pool-0: volume a recorded'],
  ['a unit that was taken', (ledger) => ledger.volumeGone('disk'), 'Device /dev/sdc: volume disk recorded'],
  ['a report', (ledger) => ledger.nodeChanged(node('n1', [group('pool-0', 40)])), 'LVM pool-0: total'],
  ['the end of a node', (ledger) => ledger.nodeGone('n1'), 'is there'],
  [
    'a PersistentVolume that went',
    (ledger) => {
      const takes = { kind: 'LVM', where: 'pool-1', size: gib(1) } as const;
      ledger.pvChanged({ name: 'pv', driver: DRIVER, handle: 'old', node: 'n1', takes });
    },
    'LVM pool-1: volume old recorded',
  ],
  [
    'a pod that went',
    (ledger) => {
      const attributes = { vgName: 'pool-0', size: '1Gi' };
      const scratch = { kind: 'inline', volumeName: 'tmp', attributes } as const;
      ledger.podChanged(pod('old', [], { nodeName: 'n1', volumes: [scratch] }));
    },
    'LVM pool-0: volume csi-',
  ],
])('a missed event is seen and healed: %s', (_, miss, what) => {
  const kept = fresh();
  miss(kept);
  expect(differences(kept).map((one) => one.what)).toContainEqual(expect.stringContaining(what));
  kept.audit().heal('n1', heard);
  expect(differences(kept)).toEqual([]);
  expect(freeIn(kept, 'n1', 'pool-0')).toBe(gib(17));
});

test('a difference has both sides', () => {
  const kept = fresh();
  kept.volumeChanged(volume('a', 'pool-0', 1));
  expect(differences(kept)).toEqual([{ what: 'LVM pool-0: volume a recorded', kept: gib(1), fresh: gib(3) }]);
});

test('a volume that is expected is no difference, and healing leaves its room taken', () => {
  const kept = fresh();
  const policy = { kind: 'LVM', vgName: 'pool-0', layout: 'linear', limits: {} } as const;
  const placed = kept.place({ name: 'soon', policy, size: gib(4) }, 0);
  expect(placed.ok).toBe(true);
  expect(differences(kept)).toEqual([]);
  kept.audit().heal('n1', heard);
  expect(freeIn(kept, 'n1', 'pool-0')).toBe(gib(13));
});

test('healing keeps what is held for pods and claims', () => {
  const chosen = claim('chosen', 1, { selectedNode: 'n1', storageClass: 'pool-0' });
  const kept = ledgerWith({ nodes: [STORAGE], volumes, claims: [claim('data', 2), chosen] });
  kept.filter(pod('web', ['data']), NODES, 0);
  const before = kept.node('n1');
  kept.audit().heal('n1', heard);
  expect(kept.node('n1')).toEqual(before);
});

test('a slot whose sums are not those of its parts is broken, and healed', () => {
  const books = new Books({ drivers: [DRIVER], strategy: 'binpack' });
  const audit = createAudit(books, { changed: () => {} }, (change) => change());
  audit.heal('n1', heard);
  const [slot] = books.cluster.room('n1').groups;
  if (!slot) throw new Error('no group');
  const broken = (): readonly string[] => audit.look(['n1']).get('n1')?.broken ?? [];
  slot.hold(4 * MIB, 'settled'); // by nobody
  expect(broken()).toEqual([`LVM pool-0: settled is ${4 * MIB}, and its parts make 0`]);
  audit.heal('n1', heard);
  expect([broken(), slot.free]).toEqual([[], gib(17)]);
  books.cluster.columns.free[slot.row]! += 1;
  expect(broken()).toEqual([`LVM pool-0: free is ${gib(17) + 1}, and its parts make ${gib(17)}`]);
  slot.record('nobody', MIB); // without a record
  expect(broken()).toContain('LVM pool-0 counts volume nobody, whose record is elsewhere');
  audit.heal('n1', heard);
  expect([broken(), slot.free]).toEqual([[], gib(17)]);
});
