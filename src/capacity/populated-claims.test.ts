import { expect, test } from 'vitest';
import { parseStorageClass } from '../model/storage-class.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from './ledger-fixture.ts';

const policy = parseStorageClass({ volumeType: 'LVM' });
const filled = claim('a', 10, { populated: true });
const chosen = { ...filled, selectedNode: 'n1' };
const standIn = claim('prime', 10, { namespace: 'populators', standsInFor: 'uid-a', selectedNode: 'n1' });
const asked = { name: 'v', claimUid: standIn.uid, size: gib(10), policy, nodes: ['n1'] };
const free = (ledger: ReturnType<typeof ledgerWith>) => freeIn(ledger, 'n1', 'pool-0');

/** A pod's claim has its node, which has room for one volume and not for two. */
function populating() {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 15)])], claims: [filled] });
  expect(fitting(ledger, pod('p', ['a']), ['n1'])).toEqual(['n1']);
  ledger.claimChanged(chosen);
  expect(free(ledger)).toBe(gib(5));
  return ledger;
}

test('R22, filled is held once: a claim that a volume populator fills, and the one that stands in for it, take room once', () => {
  const ledger = populating();
  ledger.claimChanged(standIn);
  expect(free(ledger)).toBe(gib(5));
  const populator = pod('fill', ['prime'], { namespace: 'populators' });
  expect(fitting(ledger, populator, ['n1'])).toEqual(['n1']);
  expect(ledger.place(asked, 0)).toMatchObject({ ok: true });
  expect(free(ledger)).toBe(gib(5));
  expect(fitting(ledger, pod('p', ['a']), ['n1'])).toEqual(['n1']);
  expect(free(ledger)).toBe(gib(5));
});

test('once the volume is handed over it is counted once', () => {
  const ledger = populating();
  ledger.claimChanged(standIn);
  ledger.place(asked, 0);
  ledger.volumeChanged(volume('v', 'pool-0', 10, { claimUid: standIn.uid }));
  ledger.claimChanged({ ...chosen, volumeName: 'v', bound: true });
  ledger.claimGone(standIn.uid);
  expect(free(ledger)).toBe(gib(5));
  expect(ledger.holds()).toEqual({ floating: 0, settled: 0, claims: 0 });
});

test('without the one that stands in its room is held for the claim again', () => {
  const ledger = populating();
  ledger.claimChanged(standIn);
  ledger.claimGone(standIn.uid);
  expect(free(ledger)).toBe(gib(5));
  expect(ledger.held().claims).toEqual(['uid-a']);
});

test('nobody takes the room of a claim that no populator fills by the name of a claim', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 15)])],
    claims: [claim('a', 10, { selectedNode: 'n1' })],
  });
  ledger.claimChanged(standIn);
  expect(ledger.place(asked, 0)).toMatchObject({ ok: false });
  expect(ledger.held().claims).toContain('uid-a');
});
