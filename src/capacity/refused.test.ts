import { describe, expect, test } from 'vitest';
import { parseStorageClass } from '../model/storage-class.ts';
import type { Ledger } from './ledger.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, lvm, node, pod, unit, volume } from './ledger-fixture.ts';

/** R16, a no is remembered: what a node could not make is not tried there again until something changes there. */

const anyGroup = parseStorageClass({ volumeType: 'LVM' });
const MINUTE = 60_000;
const storage = (name: string, ...more: Parameters<typeof group>[2][]) => node(name, [group('pool-0', 20, ...more)]);
const place = (ledger: Ledger, name: string, size: number, at = 'n1') =>
  ledger.place({ name, size: gib(size), policy: anyGroup, nodes: [at] }, 0);

/** `n1` could not make a volume of 6 GiB, which is gone again. `n2` has less room. */
function refused(whole = false): Ledger {
  const claims = [2, 6, 8].map((size) => claim(`c${size}`, size));
  const nodes = [storage('n1'), node('n2', [group('pool-0', 9)])];
  const ledger = ledgerWith({ nodes, claims }, { strategy: 'spread' });
  expect(place(ledger, 'v', 6).ok).toBe(true);
  ledger.volumeChanged(volume('v', 'pool-0', 6));
  ledger.refused('v', whole, 0);
  ledger.volumeGone('v');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(20));
  return ledger;
}
const fits = (ledger: Ledger, size: number) => fitting(ledger, pod(`p${size}`, [`c${size}`]), ['n1', 'n2']);

test.each([
  { size: 6, want: ['n2'] },
  { size: 8, want: ['n2'] },
  { size: 2, want: ['n1', 'n2'] },
])('a pod with $size GiB fits on $want', ({ size, want }) => {
  expect(fits(refused(), size)).toEqual(want);
});

test('nothing fits in a group or disk with which the trouble is', () => {
  expect(fits(refused(true), 2)).toEqual(['n2']);
});

test('the reason says so, and names no node', () => {
  const { refusals } = refused().filter(pod('p', ['c6']), ['n1'], 0);
  expect(refusals[0]).toEqual({
    kind: 'refused-by-node',
    message: 'a volume of 6 GiB could not be made in a volume group that reports room for it',
    unresolvable: true,
  });
});

test('CreateVolume goes elsewhere too, and says the same when it cannot', () => {
  const ledger = refused();
  expect(ledger.place({ name: 'w', size: gib(6), policy: anyGroup }, 0)).toMatchObject({ placement: { node: 'n2' } });
  expect(place(ledger, 'x', 6)).toMatchObject({ ok: false, refusal: { kind: 'refused-by-node' } });
  expect(place(ledger, 'y', 5)).toMatchObject({ ok: true });
});

test('a claim that was sent there gets nothing, and its pod may not be bound there', () => {
  const ledger = ledgerWith({ nodes: [storage('n1')], claims: [claim('a', 6), claim('b', 6)] });
  fitting(ledger, pod('p', ['a']), ['n1']);
  place(ledger, 'v', 6);
  ledger.refused('v', false, 0);
  ledger.unplace('v');
  expect(ledger.bind('uid-p', 'n1', 0)).toBeDefined();
  ledger.claimChanged(claim('b', 6, { selectedNode: 'n1' }));
  expect(ledger.holds().claims).toBe(0);
  ledger.nodeChanged(node('n1', [group('pool-0', 21)]));
  expect(ledger.holds().claims).toBe(1);
});

test('another group of the node may have it', () => {
  const nodes = [node('n1', [group('pool-0', 20), group('pool-1', 30)])];
  const ledger = ledgerWith({ nodes, claims: [claim('a', 6), claim('b', 6)] });
  place(ledger, 'v', 6);
  ledger.refused('v', false, 0);
  ledger.unplace('v');
  expect(place(ledger, 'w', 6)).toMatchObject({ placement: { vgName: 'pool-1' } });
  expect(fitting(ledger, pod('p', ['a', 'b']), ['n1'])).toEqual(['n1']);
});

test('a disk that could not be used is left alone', () => {
  const disk = parseStorageClass({ volumeType: 'Device' });
  const disks = [unit('Device', '/dev/b', 5), unit('Device', '/dev/c', 8)];
  const claims = [claim('a', 5, { storageClass: 'disk' })];
  const classes = [lvm('disk', { volumeType: 'Device' })];
  const ledger = ledgerWith({ nodes: [node('n1', [], disks)], classes, claims });
  const ask = { name: 'v', size: gib(5), policy: disk };
  expect(ledger.place(ask, 0)).toMatchObject({ placement: { path: '/dev/b' } });
  ledger.refused('v', true, 0);
  ledger.unplace('v');
  expect(ledger.capacity(disk).available).toBe(gib(8));
  expect(ledger.place(ask, 0)).toMatchObject({ placement: { path: '/dev/c' } });
  expect(ledger.filter(pod('p', ['a']), ['n1'], 0).refusals[0]?.message).toBe(
    'a volume of 5 GiB could not be made in a disk that reports room for it',
  );
  ledger.nodeChanged(node('n1', [], [unit('Device', '/dev/b', 5, { mediaType: 'hdd' }), unit('Device', '/dev/c', 8)]));
  expect(fitting(ledger, pod('p', ['a']), ['n1'])).toEqual(['n1']);
});

test('GetCapacity promises no volume so large', () => {
  expect(refused().capacity(anyGroup, 'n1').largest).toBe(gib(6) - 4 * 1024 ** 2);
});

describe('it is remembered', () => {
  const twice = (ledger: Ledger) => fits(ledger, 6).includes('n1');

  test.each<[string, (ledger: Ledger) => unknown]>([
    ['the same report again', (ledger) => ledger.nodeChanged(storage('n1'))],
    ['a report of another node', (ledger) => ledger.nodeChanged(node('n2', [group('pool-0', 10)]))],
    ['nine minutes', (ledger) => ledger.expire(9 * MINUTE)],
    ['another volume that comes', (ledger) => place(ledger, 'w', 1)],
  ])('after %s', (_, happen) => {
    const ledger = refused();
    happen(ledger);
    expect(twice(ledger)).toBe(false);
  });

  test.each<[string, (ledger: Ledger) => unknown]>([
    ['the report of the group changes', (ledger) => ledger.nodeChanged(node('n1', [group('pool-0', 21)]))],
    [
      'a volume there goes',
      (ledger) => {
        place(ledger, 'w', 1);
        ledger.unplace('w');
      },
    ],
    ['ten minutes have passed', (ledger) => ledger.expire(10 * MINUTE)],
    [
      'the node is gone and back',
      (ledger) => {
        ledger.nodeGone('n1');
        ledger.nodeChanged(storage('n1'));
      },
    ],
  ])('until %s', (_, happen) => {
    const ledger = refused();
    let freed = 0;
    ledger.onFreed(() => (freed += 1));
    happen(ledger);
    expect(twice(ledger)).toBe(true);
    expect(freed, 'who waits for room is told').toBeGreaterThan(0);
  });
});
