import { expect, test } from 'vitest';
import type { PvFacts, PvOffer } from '../model/facts.ts';
import type { Ledger } from './ledger.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from './ledger-fixture.ts';

/** A PersistentVolume that claims of the class `lvm` may be bound to on n1. */
const offered = (name: string, size: number, more: Partial<PvOffer> = {}, facts: Partial<PvFacts> = {}): PvFacts => ({
  name,
  driver: 'local.csi.aliyun.com',
  handle: name,
  node: 'n1',
  takes: { kind: 'LVM', where: 'pool-0', size: gib(size) },
  offer: {
    storageClass: 'lvm',
    capacity: gib(size),
    block: false,
    accessModes: ['ReadWriteOnce'],
    labels: {},
    available: true,
    nodes: ['n1'],
    ...more,
  },
  ...facts,
});

const bound = (pv: PvFacts, claimName: string): PvFacts => {
  const { offer: _, ...rest } = pv;
  return { ...rest, claimUid: `uid-${claimName}` };
};

const NODES = ['n1', 'n2'];

/** n1 is full with the volume `old` of 10 GiB, n2 has `room` GiB. */
function fullNode(pvs: readonly PvFacts[], room = 0, claims = [claim('a', 5), claim('b', 5)]): Ledger {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', room)])],
    claims,
    pods: [pod('a', ['a']), pod('b', ['b']), pod('ab', ['a', 'b'])],
  });
  for (const pv of pvs) ledger.pvChanged(pv);
  return ledger;
}

test('a claim fits in a full group where a PersistentVolume is for it to have', () => {
  const ledger = fullNode([offered('old', 10)]);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(0);
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual(['n1']);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(0);
});

test('two pods do not count on one PersistentVolume', () => {
  const ledger = fullNode([offered('old', 10)]);
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual(['n1']);
  expect(fitting(ledger, pod('b', ['b']), NODES)).toEqual([]);
});

test('two claims of one pod do not count on one PersistentVolume', () => {
  expect(fitting(fullNode([offered('old', 10)]), pod('ab', ['a', 'b']), NODES)).toEqual([]);
  const two = [offered('old', 5), offered('new', 5)];
  expect(fitting(fullNode(two), pod('ab', ['a', 'b']), NODES)).toEqual(['n1']);
});

test('two pods with one claim count on the same PersistentVolume', () => {
  const ledger = fullNode([offered('old', 10)]);
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual(['n1']);
  expect(fitting(ledger, pod('a2', ['a']), NODES)).toEqual(['n1']);
});

test.each([
  ['the pod is gone', (ledger: Ledger) => ledger.podGone('uid-a')],
  ['the pod went elsewhere', (ledger: Ledger) => ledger.podChanged(pod('a', ['a'], { nodeName: 'n2' }))],
  ['a node was selected for its claim', (ledger: Ledger) => ledger.claimChanged(claim('a', 5, { selectedNode: 'n2' }))],
  ['its time is over', (ledger: Ledger) => ledger.expire(60_000)],
  ['the pod is filtered again, and not for that node', (ledger: Ledger) => ledger.filter(pod('a', ['a']), ['n2'], 0)],
])('another pod may count on the PersistentVolume when %s', (_, event) => {
  const ledger = fullNode([offered('old', 10)], 5);
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual(NODES);
  event(ledger);
  expect(fitting(ledger, pod('b', ['b']), ['n1'])).toEqual(['n1']);
});

test('who waits is told when a PersistentVolume comes, and when it may be had again', () => {
  const ledger = fullNode([]);
  const before = ledger.freedCount;
  ledger.pvChanged(offered('old', 10));
  expect(ledger.freedCount).toBe(before + 1);
  ledger.filter(pod('a', ['a']), NODES, 0);
  ledger.podGone('uid-a');
  expect(ledger.freedCount).toBe(before + 2);
  ledger.filter(pod('a', ['a']), NODES, 0);
  ledger.podChanged(pod('a', ['a'], { nodeName: 'n1' }));
  expect(ledger.freedCount).toBe(before + 3);
});

test('nobody counts on a PersistentVolume that is gone', () => {
  const ledger = fullNode([offered('share', 10, { nodes: ['n2'] }, { driver: 'nfs.example.com', node: 'n2' })]);
  expect(fitting(ledger, pod('a', ['a']), ['n2'])).toEqual(['n2']);
  ledger.pvGone('share');
  expect(fitting(ledger, pod('a', ['a']), ['n2'])).toEqual([]);
});

test('a claim that was made anew under its name does not count on what the one before was to have', () => {
  const ledger = fullNode([offered('old', 10)]);
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual(['n1']);
  ledger.claimChanged(claim('a', 5, { uid: 'again', storageClass: 'pool-0' }));
  expect(ledger.bind('uid-a', 'n1', 0)).toMatchObject({ kind: 'group-too-small' });
  expect(fitting(ledger, pod('b', ['b']), NODES)).toEqual(['n1']);
});

test.each<[string, (ledger: Ledger) => void]>([
  ['gone', (ledger) => ledger.pvGone('old')],
  ['bound to another claim', (ledger) => ledger.pvChanged(bound(offered('old', 10), 'b'))],
])('nobody is bound by a PersistentVolume that is %s', (_, happens) => {
  const ledger = fullNode([offered('old', 10)]);
  ledger.volumeChanged(volume('old', 'pool-0', 10));
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual(['n1']);
  happens(ledger);
  expect(ledger.bind('uid-a', 'n1', 0)).toMatchObject({ kind: 'group-too-small' });
});

test('room is held only where the volume is to be made', () => {
  const ledger = fullNode([offered('old', 5)], 20);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(5));
  expect(fitting(ledger, pod('ab', ['a', 'b']), NODES)).toEqual(NODES);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(0);
  expect(freeIn(ledger, 'n2', 'pool-0')).toBe(gib(10));
});

test.each(NODES)('a pod whose needs differ by node settles on %s, and ends without a trace', (chosen) => {
  const ledger = fullNode([offered('old', 5)], 20);
  ledger.filter(pod('ab', ['a', 'b']), NODES, 0);
  expect(ledger.bind('uid-ab', chosen, 0)).toBeUndefined();
  const left = chosen === 'n1' ? { n1: 0, n2: gib(20) } : { n1: gib(5), n2: gib(10) };
  expect({ n1: freeIn(ledger, 'n1', 'pool-0'), n2: freeIn(ledger, 'n2', 'pool-0') }).toEqual(left);
  ledger.podGone('uid-ab');
  expect({ n1: freeIn(ledger, 'n1', 'pool-0'), n2: freeIn(ledger, 'n2', 'pool-0') }).toEqual({
    n1: gib(5),
    n2: gib(20),
  });
});

test('a pod is bound though the claim is seen as bound later than its PersistentVolume', () => {
  const foreign = { driver: 'nfs.example.com', handle: 'share' };
  const { takes: _, node: __, ...pv } = offered('old', 10, {}, foreign);
  const ledger = fullNode([pv]);
  expect(fitting(ledger, pod('a', ['a']), ['n2'])).toEqual([]);
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual(['n1']);
  ledger.pvChanged(bound(pv, 'a'));
  expect(ledger.bind('uid-a', 'n1', 0)).toBeUndefined();
});

test('a pod is bound anew where a PersistentVolume serves it', () => {
  const ledger = fullNode([offered('old', 10)]);
  expect(ledger.bind('uid-a', 'n1', 0)).toBeUndefined();
  expect(ledger.bind('uid-b', 'n2', 0)).toMatchObject({ kind: 'group-too-small' });
});

test('a claim for which no volume is ever made fits where one is for it to have', () => {
  const selecting = claim('a', 5, { selector: { matchLabels: { tier: 'gold' } }, use: { selects: true } });
  const gold = offered('old', 10, { labels: { tier: 'gold' } });
  expect(fitting(fullNode([gold], 20, [selecting]), pod('a', ['a']), NODES)).toEqual(['n1']);
  expect(fullNode([gold], 20, [selecting]).filter(pod('a', ['a']), ['n2'], 0).refusals[0]?.kind).toBe('bad-request');
});

test('once a node is selected a volume is made, whatever there is to have', () => {
  const ledger = fullNode([offered('old', 10)]);
  ledger.claimChanged(claim('a', 5, { selectedNode: 'n1' }));
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual([]);
});

test('a PersistentVolume that every node reaches serves a claim anywhere', () => {
  const { nodes: _, ...offer } = offered('share', 10).offer!;
  const share: PvFacts = { name: 'share', driver: '', handle: '', offer };
  expect(fitting(fullNode([share], 0), pod('a', ['a']), [...NODES, 'no-storage'])).toEqual([...NODES, 'no-storage']);
});

test('a node that was left out of the answer counts on nothing', () => {
  const ledger = ledgerWith(
    {
      nodes: ['n1', 'n2', 'n3'].map((name) => node(name, [group('pool-0', 40)])),
      claims: [claim('a', 5), claim('b', 5), claim('c', 5)],
      pods: [pod('ab', ['a', 'b']), pod('c', ['c'])],
    },
    { float: { kind: 'one' } },
  );
  ledger.pvChanged(offered('old', 5));
  const [chosen] = fitting(ledger, pod('ab', ['a', 'b']), ['n1', 'n2', 'n3']);
  expect(chosen).toBe('n1');
  expect(fitting(ledger, pod('c', ['c']), ['n1', 'n2', 'n3'])).toHaveLength(1);
  ledger.podGone('uid-ab');
  ledger.podGone('uid-c');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(35));
});

test('a scheduler is told to wait a moment only when nothing fits', () => {
  const ledger = ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', 5)]), node('n3', [group('pool-0', 5)])],
    claims: [claim('a', 5), claim('c', 5)],
  });
  ledger.pvChanged(offered('old', 10));
  expect(fitting(ledger, pod('c', ['c']), ['n2', 'n3'])).toEqual(['n2', 'n3']);
  expect(ledger.filter(pod('a', ['a']), ['n1', 'n2'], 0).mayFreeUp).toBe(false);
  expect(ledger.filter(pod('a', ['a']), ['n2'], 0).mayFreeUp).toBe(true);
});
