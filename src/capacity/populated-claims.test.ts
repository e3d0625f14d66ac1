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

test('what was handed over needs no room of its own, in whatever order a new operator hears of it', () => {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 25)])] });
  ledger.volumeChanged(volume('v', 'pool-0', 10, { claimUid: standIn.uid }));
  ledger.claimChanged({ ...chosen, volumeName: 'pv', bound: true });
  ledger.pvChanged({ name: 'pv', driver: 'local.csi.aliyun.com', handle: 'v', node: 'n1', claimUid: 'uid-a' });
  expect(free(ledger)).toBe(gib(15));
  expect(ledger.holds()).toEqual({ floating: 0, settled: 0, claims: 0 });
});

test('a pod goes where the volume is that its claim names, whatever was made for the claim besides', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 25)]), node('n2', [group('pool-0', 25)])],
    volumes: [volume('made', 'pool-0', 10, { node: 'n2', claimUid: 'uid-a' })],
  });
  ledger.pvChanged({ name: 'pv', driver: 'local.csi.aliyun.com', handle: 'given', node: 'n1', claimUid: 'uid-a' });
  ledger.claimChanged(claim('a', 10, { volumeName: 'pv', bound: true }));
  expect(fitting(ledger, pod('p', ['a']), ['n1', 'n2'])).toEqual(['n1']);
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

const into = (name: string, more: object = {}) =>
  claim(name, 10, { populated: true, restore: 'into', selectedNode: 'n1', ...more });
const from = (name: string, more: object = {}) =>
  claim(name, 10, { namespace: 'velero', restore: 'from', selectedNode: 'n1', ...more });
const restoring = (...claims: readonly ReturnType<typeof claim>[]) =>
  ledgerWith({ nodes: [node('n1', [group('pool-0', 35)])], claims });
const heldFor = (ledger: ReturnType<typeof ledgerWith>) => ledger.held().claims.toSorted();

test('the two claims of a restore by Velero take room once, in whatever order they are told', () => {
  expect(heldFor(restoring(into('a'), from('r')))).toEqual(['uid-r']);
  expect(heldFor(restoring(from('r'), into('a')))).toEqual(['uid-r']);
  const ledger = restoring(into('a', { selectedNode: undefined }), from('r'));
  expect(heldFor(ledger)).toEqual(['uid-r']);
  ledger.claimChanged(into('a'));
  expect(heldFor(ledger)).toEqual(['uid-r']);
});

test('each claim of a restore stands in for one other, and that one is held for again without it', () => {
  const ledger = restoring(into('a'), into('b'), from('r'));
  expect(free(ledger)).toBe(gib(15));
  ledger.claimChanged(from('s'));
  expect(heldFor(ledger)).toEqual(['uid-r', 'uid-s']);
  ledger.claimGone('uid-r');
  expect(free(ledger)).toBe(gib(15));
  ledger.claimChanged(from('t'));
  expect(free(ledger)).toBe(gib(15));
});

test('a claim of a restore stands in for another when the one into which it was to be restored is gone', () => {
  const ledger = restoring(into('a'), from('r'), into('b'));
  expect(heldFor(ledger)).toEqual(['uid-b', 'uid-r']);
  ledger.claimGone('uid-a');
  expect(heldFor(ledger)).toEqual(['uid-r']);
  ledger.claimGone('uid-r');
  expect(heldFor(ledger)).toEqual(['uid-b']);
});

test.each([['uid-prime'], ['uid-again']])('of two that stand in for a claim one is left when %s goes', (uid) => {
  const ledger = restoring(chosen, standIn);
  ledger.claimChanged(claim('again', 10, { namespace: 'populators', standsInFor: 'uid-a' }));
  ledger.claimGone(uid);
  expect(ledger.held().claims).not.toContain('uid-a');
});

test.each([
  ['of another size', from('r', { requested: gib(9) })],
  ['of another class', from('r', { storageClass: 'fast' })],
  ['on another node', from('r', { selectedNode: 'n2' })],
])('a claim of a restore %s stands in for no other', (_, other) => {
  expect(heldFor(restoring(into('a'), other))).toContain('uid-a');
});

test('a claim that has what was restored into it needs no other to stand in', () => {
  const ledger = restoring(into('a'), from('r'));
  ledger.claimChanged(into('a', { volumeName: 'pv-1', bound: true }));
  ledger.claimGone('uid-r');
  ledger.claimChanged(from('s'));
  ledger.claimChanged(into('b'));
  expect(heldFor(ledger)).not.toContain('uid-b');
});
