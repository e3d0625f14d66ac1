import { describe, expect, test } from 'vitest';
import { parseStorageClass } from '../model/storage-class.ts';
import type { Ledger } from './ledger.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, lvm, node, pod } from './ledger-fixture.ts';

/** R21, what cannot be made holds nothing: a claim that CreateVolume refused for what it is. */

const MINUTE = 60_000;
const anyGroup = parseStorageClass({ volumeType: 'LVM' });
const wrong = claim('a', 6, { selectedNode: 'n1' });

/** A pod's claim went to `n1`, whose group has 10 GiB, and CreateVolume refused it. */
function refused(): Ledger {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], claims: [wrong, claim('b', 8)] });
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  ledger.claimRefused('uid-a', 'bps "fast" is no number', 0);
  return ledger;
}
const pods = { a: pod('p', ['a']), b: pod('q', ['b']) };

test('its room is free for others at once', () => {
  const ledger = refused();
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  expect(fitting(ledger, pods.b, ['n1'])).toEqual(['n1']);
});

test('so is that which its pod held before a node was chosen', () => {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])], claims: [claim('a', 6)] });
  ledger.filter(pods.a, ['n1'], 0);
  ledger.claimRefused('uid-a', 'no', 0);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  expect(ledger.holds()).toEqual({ floating: 0, settled: 0, claims: 0 });
});

test('its pod is refused with the words, and holds nothing', () => {
  const ledger = refused();
  const { refusals } = ledger.filter(pods.a, ['n1'], 0);
  expect(refusals[0]?.message).toBe('CreateVolume refuses claim default/a: bps "fast" is no number');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
});

test('when it is told again it still holds nothing', () => {
  const ledger = refused();
  ledger.claimChanged({ ...wrong, bound: false });
  expect(ledger.holds().claims).toBe(0);
});

describe('it is as any other claim again', () => {
  test.each<{ when: string; change: (ledger: Ledger) => void }>([
    { when: 'it asks for something else', change: (ledger) => ledger.claimChanged({ ...wrong, requested: gib(5) }) },
    {
      when: 'it names another VolumeAttributesClass',
      change: (ledger) => ledger.claimChanged({ ...wrong, attributesClass: 'slow' }),
    },
    { when: 'its class changes', change: (ledger) => ledger.classChanged(lvm('lvm', { iops: '500' })) },
    { when: 'a quarter of an hour has passed', change: (ledger) => void ledger.expire(15 * MINUTE) },
  ])('when $when', ({ change }) => {
    const ledger = refused();
    change(ledger);
    expect(ledger.holds().claims).toBe(1);
    expect(fitting(ledger, pods.b, ['n1'])).toEqual([]);
  });

  test('when CreateVolume finds nothing wrong with it', () => {
    const ledger = refused();
    const ask = { name: 'pvc-a', claimUid: 'uid-a', size: gib(6), policy: anyGroup, nodes: ['n1'] };
    expect(ledger.place(ask, MINUTE)).toMatchObject({ ok: true });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    expect(fitting(ledger, pods.a, ['n1'])).toEqual(['n1']);
  });

  test('not before csi-provisioner asks again, ten minutes after the last refusal at the latest', () => {
    const ledger = refused();
    ledger.claimRefused('uid-a', 'no', 9 * MINUTE);
    ledger.expire(20 * MINUTE);
    expect(ledger.holds().claims).toBe(0);
  });
});

test('a claim that is gone, or has its volume, is not remembered', () => {
  const ledger = refused();
  ledger.claimGone('uid-a');
  ledger.claimRefused('uid-a', 'no', 0);
  ledger.claimChanged(wrong);
  expect(ledger.holds().claims).toBe(1);
  ledger.place({ name: 'pvc-a', claimUid: 'uid-a', size: gib(6), policy: anyGroup, nodes: ['n1'] }, 0);
  ledger.claimRefused('uid-a', 'no', 0);
  expect(fitting(ledger, pods.a, ['n1'])).toEqual(['n1']);
});
