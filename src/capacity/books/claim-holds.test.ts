import { expect, test } from 'vitest';
import { FIRST_ROWS, gib, group, node } from '../ledger-fixture.ts';
import { Cluster } from '../stock/cluster.ts';
import { ClaimHolds } from './claim-holds.ts';

/** A node with a group of 10 GiB, and what a claim of 2 GiB holds there. */
function oneNode() {
  const cluster = new Cluster(FIRST_ROWS);
  cluster.report(node('n1', [group('pool-0', 10)]));
  const room = cluster.room('n1');
  const slot = room.slot('LVM', 'pool-0');
  const hold = () => ({ request: { key: 'a', kind: 'LVM', size: gib(2) }, node: room, slot, amount: gib(2) }) as const;
  return { room, slot, hold };
}

test('a claim holds its room once', () => {
  const { slot, hold } = oneNode();
  const holds = new ClaimHolds();
  holds.take('a', hold());
  expect(() => holds.take('a', hold())).toThrow('claim a holds room already');
  expect(slot.free).toBe(gib(8));
  for (const _ of [1, 2]) holds.end('a');
  expect(slot.free).toBe(gib(10));
});

test('the others that hold room on a node are known when one of them ends', () => {
  const { room, hold } = oneNode();
  const holds = new ClaimHolds();
  const [a, b] = [hold(), hold()];
  holds.take('a', a);
  holds.take('b', b);
  expect(holds.on(room)).toEqual([a, b]);
  holds.end('a');
  expect([holds.on(room), holds.uids()]).toEqual([[b], ['b']]);
  holds.end('b');
  expect(holds.on(room)).toEqual([]);
});
