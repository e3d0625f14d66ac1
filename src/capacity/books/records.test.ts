import { expect, test } from 'vitest';
import type { PvFacts } from '../../model/facts.ts';
import type { Ledger } from '../ledger.ts';
import { Cluster } from '../stock/cluster.ts';
import { Records } from './records.ts';
import { claim, DRIVER, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from '../ledger-fixture.ts';

const pvOf = (name: string, claimUid?: string): PvFacts => ({
  ...{ name, driver: DRIVER, handle: name, node: 'n1' },
  ...(claimUid === undefined ? {} : { claimUid }),
  takes: { kind: 'LVM', where: 'pool-0', size: gib(2) },
});
const ledgerOf = (): Ledger =>
  ledgerWith({
    nodes: [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', 10)])],
    claims: [claim('a', 2)],
  });
/** Where the claim's pod may go: to its volume, once that is recorded. */
const nodesOf = (ledger: Ledger) => fitting(ledger, pod('p', ['a']), ['n1', 'n2']);

test('a claim keeps the other of two volumes that say they are its own', () => {
  const ledger = ledgerOf();
  for (const name of ['v1', 'v2']) ledger.volumeChanged(volume(name, 'pool-0', 2, { claimUid: 'uid-a' }));
  expect(nodesOf(ledger)).toEqual(['n1']);
  ledger.volumeGone('v1');
  expect(nodesOf(ledger)).toEqual(['n1']);
  ledger.volumeGone('v2');
  expect(nodesOf(ledger)).toEqual(['n1', 'n2']);
});

test('a volume that is given back to its claim is its own again', () => {
  const ledger = ledgerOf();
  ledger.pvChanged(pvOf('v', 'uid-a'));
  expect(nodesOf(ledger)).toEqual(['n1']);
  ledger.pvChanged(pvOf('v'));
  expect(nodesOf(ledger)).toEqual(['n1', 'n2']);
  ledger.pvChanged(pvOf('v', 'uid-a'));
  expect(nodesOf(ledger)).toEqual(['n1']);
});

test('what a volume was to grow by goes with its object, though its PersistentVolume stays', () => {
  const ledger = ledgerOf();
  ledger.volumeChanged(volume('v', 'pool-0', 2));
  ledger.pvChanged(pvOf('v'));
  expect(ledger.grow('v', gib(5)).ok).toBe(true);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(5));
  ledger.volumeGone('v');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(8));
});

test('a volume of which nobody speaks any more is forgotten', () => {
  const records = new Records(() => new Cluster(2).room('n1'));
  records.change('v', (record) => (record.object = volume('v', 'pool-0', 2)));
  expect([...records.all()].map(({ name }) => name)).toEqual(['v']);
  records.change('v', (record) => (record.object = undefined));
  expect([...records.all()]).toEqual([]);
  expect(records.get('v')).toBeUndefined();
});

test('a change tells the claims that the volume was of and is of', () => {
  const records = new Records(() => new Cluster(2).room('n1'));
  const of = (claimUid?: string) =>
    records.change('v', (record) => {
      record.object = volume('v', 'pool-0', 2, claimUid === undefined ? {} : { claimUid });
    });
  expect([of(), of('a'), of('b'), of()]).toEqual([new Set(), new Set(['a']), new Set(['a', 'b']), new Set(['b'])]);
});

test('a PersistentVolume that names no node takes room on none', () => {
  const rooms: string[] = [];
  const records = new Records((name) => {
    rooms.push(name);
    return new Cluster(2).room(name);
  });
  const { node: _, ...nowhere } = pvOf('v');
  records.change('v', (record) => (record.pv = nowhere));
  expect(records.get('v')?.slot).toBeUndefined();
  expect(rooms).toEqual([]);
});
