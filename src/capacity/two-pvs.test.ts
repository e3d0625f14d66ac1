import { expect, test } from 'vitest';
import type { PvFacts } from '../model/facts.ts';
import { DRIVER, freeIn, gib, group, ledgerWith, node } from './ledger-fixture.ts';

/** A volume without a LocalVolume, as from before us, of which somebody wrote a second PersistentVolume by hand. */
const pvOf = (name: string, claimUid?: string): PvFacts => ({
  ...{ name, driver: DRIVER, handle: 'v', node: 'n1' },
  takes: { kind: 'LVM', where: 'pool-0', size: gib(6) },
  ...(claimUid === undefined ? {} : { claimUid }),
});

test.each([
  ['the first', 'v', 'by-hand'],
  ['the second', 'by-hand', 'v'],
])('its room stays taken when %s of its PersistentVolumes goes', (_, goes, stays) => {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 10)])] });
  ledger.pvChanged(pvOf('v', 'uid-a'));
  ledger.pvChanged(pvOf('by-hand'));
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  ledger.pvGone(goes);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
  ledger.pvGone(stays);
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(10));
});

test('nor is it taken by one of another driver that has the same handle, or by one that is made anew of another', () => {
  const ledger = ledgerWith({ nodes: [node('n1', [group('pool-0', 20)])] });
  ledger.pvChanged({ ...pvOf('theirs'), driver: 'other.example.org' });
  ledger.pvChanged(pvOf('by-hand'));
  ledger.pvChanged(pvOf('v'));
  ledger.pvChanged({ ...pvOf('by-hand'), handle: 'w' });
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(8));
  ledger.pvGone('v');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(14));
  ledger.pvGone('by-hand');
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(20));
});
