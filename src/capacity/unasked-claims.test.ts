import { describe, expect, test } from 'vitest';
import { parseStorageClass } from '../model/storage-class.ts';
import type { ClaimFacts } from '../model/facts.ts';
import type { Ledger } from './ledger.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, lvm, node, pod } from './ledger-fixture.ts';

/** R23, unasked is not held: a claim whose node was chosen, and for which CreateVolume is never called. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const policy = parseStorageClass({ volumeType: 'LVM' });
const pods = { a: pod('p', ['a']), b: pod('q', ['b']) };
const place = (ledger: Ledger) =>
  ledger.place({ name: 'pvc-a', claimUid: 'uid-a', size: gib(6), policy, nodes: ['n1'] }, 0);

/** The claim `a` of 6 GiB has `n1`, whose group has 10 GiB; `b`, of 8 GiB, has no node. */
function waiting(more: Partial<ClaimFacts> = {}): Ledger {
  const a = claim('a', 6, { selectedNode: 'n1', ...more });
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], claims: [a, claim('b', 8)] });
  ledger.expire(0);
  return ledger;
}

test('its room is free for others after a quarter of an hour, and its pod is told', () => {
  const ledger = waiting();
  expect(ledger.expire(15 * MINUTE - 1).claims).toEqual([]);
  expect(fitting(ledger, pods.b, ['n1'])).toEqual([]);
  expect(ledger.expire(15 * MINUTE).claims).toEqual(['uid-a']);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  const { refusals } = ledger.filter(pods.a, ['n1'], 15 * MINUTE);
  expect(refusals[0]).toMatchObject({
    kind: 'claim-missing',
    message: expect.stringMatching(/default\/a .* csi-provisioner has not asked .*kubectl describe pvc/),
  });
  expect(fitting(ledger, pods.b, ['n1'])).toEqual(['n1']);
});

test('it stays so when the same is heard again, and for any time', () => {
  const ledger = waiting();
  ledger.expire(15 * MINUTE);
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n1' }));
  ledger.expire(24 * HOUR);
  expect(ledger.holds().claims).toBe(0);
});

test.each([
  ['a volume populator', {}, /no volume populator has begun to fill it/],
  ['Velero', { restore: 'into' }, /Velero has not begun to restore it/],
] as const)('a claim that %s fills has six hours', (_, more, words) => {
  const ledger = waiting({ populated: true, ...more });
  expect(ledger.expire(6 * HOUR - 1).claims).toEqual([]);
  expect(ledger.holds().claims).toBe(1);
  expect(ledger.expire(6 * HOUR).claims).toEqual(['uid-a']);
  expect(ledger.filter(pods.a, ['n1'], 6 * HOUR).refusals[0]?.message).toMatch(words);
});

test('once it is filled after all, its pod goes where that is done', () => {
  const ledger = waiting({ populated: true });
  ledger.expire(6 * HOUR);
  ledger.claimChanged(claim('prime', 6, { selectedNode: 'n1', standsInFor: 'uid-a' }));
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  expect(fitting(ledger, pods.a, ['n1'])).toEqual(['n1']);
});

describe('it is as any other claim again', () => {
  test.each<[string, (ledger: Ledger) => void]>([
    ['it asks for something else', (ledger) => ledger.claimChanged(claim('a', 5, { selectedNode: 'n1' }))],
    ['its class is made anew with other parameters', (ledger) => ledger.classChanged(lvm('lvm', { iops: '500' }))],
    [
      'its node is chosen anew',
      (ledger) => {
        ledger.claimChanged(claim('a', 6));
        expect(fitting(ledger, pods.a, ['n1'])).toEqual(['n1']);
        ledger.claimChanged(claim('a', 6, { selectedNode: 'n1' }));
      },
    ],
  ])('when %s', (_, change) => {
    const ledger = waiting();
    ledger.expire(15 * MINUTE);
    change(ledger);
    expect(ledger.holds().claims).toBe(1);
    ledger.expire(16 * MINUTE);
    ledger.expire(30 * MINUTE);
    expect(ledger.holds().claims).toBe(1);
  });

  test('when CreateVolume is called for it at last: it gets what room there is', () => {
    const ledger = waiting();
    ledger.expire(15 * MINUTE);
    expect(place(ledger)).toMatchObject({ ok: true });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    expect(fitting(ledger, pods.a, ['n1'])).toEqual(['n1']);
  });

  test('or is refused, so that its pod may go elsewhere', () => {
    const ledger = waiting();
    ledger.expire(15 * MINUTE);
    expect(fitting(ledger, pods.b, ['n1'])).toEqual(['n1']);
    expect(place(ledger)).toMatchObject({ ok: false });
  });

  test('when a claim of the name comes', () => {
    const ledger = waiting();
    ledger.expire(15 * MINUTE);
    ledger.claimChanged(claim('a', 6, { uid: 'younger', selectedNode: 'n1' }));
    expect(ledger.holds().claims).toBe(1);
  });
});

test('one that is moved for the sake of another has no more time than before', () => {
  const nodes = [node('n1', [group('pool-0', 10), group('pool-1', 12)])];
  const ledger = ledgerWith({ nodes, claims: [claim('a', 6, { selectedNode: 'n1' })] });
  ledger.expire(0);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  ledger.claimChanged(claim('c', 8, { selectedNode: 'n1', storageClass: 'pool-0' }));
  expect([freeIn(ledger, 'n1', 'pool-0'), freeIn(ledger, 'n1', 'pool-1')]).toEqual([gib(2), gib(6)]);
  ledger.expire(MINUTE);
  expect(ledger.expire(15 * MINUTE).claims).toEqual(['uid-a']);
});

test('a claim whose volume is recorded has no such time', () => {
  const ledger = waiting();
  place(ledger);
  expect(ledger.expire(HOUR).claims).toEqual([]);
  expect(fitting(ledger, pods.a, ['n1'])).toEqual(['n1']);
});

test('what is wrong with what it is made from is told before', () => {
  const ledger = waiting({ source: { kind: 'VolumeSnapshot', name: 's' } });
  ledger.expire(15 * MINUTE);
  const { refusals } = ledger.filter(pods.a, ['n1'], 15 * MINUTE);
  expect(refusals[0]?.message).toMatch(/VolumeSnapshot s, which is not known yet or not ready/);
});
