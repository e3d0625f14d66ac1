import { expect, test } from 'vitest';
import type { Ledger } from '../ledger.ts';
import { freeIn, gib, group, ledgerWith, node, unit, volume } from '../ledger-fixture.ts';

const POOL = node('n1', [group('pool-0', 10)]);
const free = (ledger: Ledger) => freeIn(ledger, 'n1', 'pool-0');

test('a volume grows without room to what its node shows of it already', () => {
  const shown = { volumes: [{ name: 'v', size: gib(6) }], available: gib(4) };
  const nodes = [node('n1', [group('pool-0', 10, shown)])];
  const ledger = ledgerWith({ nodes, volumes: [volume('v', 'pool-0', 2), volume('other', 'pool-0', 4)] });
  expect(free(ledger)).toBe(0);
  expect(ledger.grow('v', gib(6))).toEqual({ ok: true, size: gib(6) });
  expect(ledger.grow('v', gib(7)).ok).toBe(false);
});

test('a volume that nobody knows does not grow', () => {
  const ledger = ledgerWith({ nodes: [POOL] });
  expect(ledger.grow('none', gib(3))).toMatchObject({
    ok: false,
    refusal: { message: expect.stringContaining('none') },
  });
});

test('a disk that its node does not report any more is as large as it was', () => {
  const disk = volume('disk', '/dev/sdc', 100, { kind: 'Device' });
  const ledger = ledgerWith({ nodes: [node('n1', [], [unit('Device', '/dev/sdc', 100)])], volumes: [disk] });
  ledger.nodeChanged(node('n1', []));
  expect(ledger.grow('disk', gib(100))).toEqual({ ok: true, size: gib(100) });
  expect(ledger.grow('disk', gib(101)).ok).toBe(false);
});

test('a growth that could not be written is taken back, and nothing of it stays', () => {
  const ledger = ledgerWith({ nodes: [POOL], volumes: [volume('v', 'pool-0', 2)] });
  expect(ledger.grow('v', gib(5)).ok).toBe(true);
  expect(free(ledger)).toBe(gib(5));
  ledger.shrinkTo('v', gib(2));
  expect(free(ledger)).toBe(gib(8));
  expect(ledger.audit().look(['n1']).get('n1')?.pending).toEqual(new Set());
});

test('where nothing was granted, nothing is taken back', () => {
  const ledger = ledgerWith({ nodes: [POOL], volumes: [volume('v', 'pool-0', 2)] });
  for (const name of ['v', 'none']) ledger.shrinkTo(name, gib(4));
  expect(free(ledger)).toBe(gib(8));
});
