import { describe, expect, test } from 'vitest';
import { bytes } from '../model/bytes.ts';
import { volumeFacts } from '../model/decode.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { VolumePolicy } from '../model/storage-class.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from './ledger-fixture.ts';

/** R19, a store is a volume. */

const beside: VolumePolicy = { kind: 'LVM', vgName: 'pool-0', layout: 'linear', limits: {} };
const store = (name: string, size: number) => ({ name, size: gib(size), policy: beside, nodes: ['n1'] });
const twoGroups = () =>
  ledgerWith({
    nodes: [node('n1', [group('pool-0', 10), group('pool-1', 50)]), node('n2', [group('pool-0', 50)])],
    volumes: [volume('v', 'pool-0', 4)],
  });

describe('R19, a store is a volume', () => {
  test('it is beside its source, whatever is free elsewhere', () => {
    const ledger = twoGroups();
    expect(ledger.place(store('s1', 4), 0)).toMatchObject({ ok: true, placement: { node: 'n1', vgName: 'pool-0' } });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(2));
    expect(ledger.place(store('s2', 4), 0)).toMatchObject({
      ok: false,
      refusal: { message: 'not enough room for 4 GiB in volume group pool-0' },
    });
    expect(freeIn(ledger, 'n1', 'pool-1')).toBe(gib(50));
  });

  test('asked again it takes nothing, and one that was not made gives its room back', () => {
    const ledger = twoGroups();
    for (let call = 0; call < 3; call += 1) ledger.place(store('s1', 4), 0);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(2));
    ledger.unplace('s1');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(6));
  });

  test('of a burst onto a group that is nearly full, no two get the same room, and neither does a pod', () => {
    const ledger = twoGroups();
    ledger.claimChanged(claim('c', 2, { storageClass: 'pool-0' }));
    expect(fitting(ledger, pod('p', ['c']), ['n1'])).toEqual(['n1']);
    const placed = Array.from({ length: 20 }, (_, i) => ledger.place(store(`s${i}`, 1), 0).ok);
    expect(placed.filter(Boolean)).toHaveLength(4);
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(0);
  });

  test('it grows by what is free there and no further, and growth that failed is given back', () => {
    const ledger = twoGroups();
    ledger.volumeChanged(volume('s', 'pool-0', 2));
    expect(ledger.grow('s', gib(7))).toEqual({
      ok: false,
      refusal: expect.objectContaining({ kind: 'group-too-small' }) as unknown,
    });
    expect(ledger.grow('s', gib(3))).toEqual({ ok: true, size: gib(3) });
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(3));
    ledger.shrinkTo('s', gib(2));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  });

  test('what a size takes where its source is', () => {
    const ledger = twoGroups();
    expect(ledger.inExtents('v', bytes(gib(4) - 1))).toBe(gib(4));
    expect(ledger.inExtents('unknown', gib(4))).toBeUndefined();
  });

  test('a source that is deleted while snapshots need it counts until it is gone, and not a byte longer', () => {
    const ledger = twoGroups();
    ledger.volumeChanged(volume('s', 'pool-0', 2));
    // Deleted through CSI: the object stays, and so nothing is told to the ledger but changes of it.
    ledger.volumeChanged(volume('v', 'pool-0', 4));
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
    ledger.volumeGone('v');
    ledger.volumeGone('s');
    expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
  });
});

test('R10, roomless follows its source: a recorded volume that mounts a snapshot takes nothing, and pins its claim', () => {
  const ledger = twoGroups();
  const mounted: LocalVolume = {
    metadata: { name: 'r', uid: 'u' },
    spec: {
      nodeName: 'n1',
      kind: 'LVM',
      vgName: 'pool-0',
      sizeBytes: gib(4),
      role: 'Volume',
      readOnly: true,
      source: { snapshot: 's' },
      claim: { namespace: 'default', name: 'c', uid: 'uid-c' },
    },
  };
  ledger.claimChanged(claim('c', 4));
  ledger.volumeChanged(volumeFacts(mounted));
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(6));
  expect(fitting(ledger, pod('p', ['c']), ['n1', 'n2'])).toEqual(['n1']);
  expect(ledger.capacity(beside, 'n1').largest).toBe(bytes(gib(6)));
});
