import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytes } from '../../model/bytes.ts';
import type { LedgerPolicy } from '../ledger.ts';
import { claim, gib, group, ledgerWith, lvm, node, pod, unit } from '../ledger-fixture.ts';

const DISK = lvm('disk', { volumeType: 'Device' });

/** Groups of 100 GiB with this much used. */
const usedBy = (...used: number[]) =>
  used.map((size, i) => node(`n${i + 1}`, [group('pool-0', 100, { volumes: [{ name: 'x', size: gib(size) }] })]));

function scores(used: readonly number[], policy: Partial<LedgerPolicy>, filtered = true): number[] {
  const names = used.map((_, i) => `n${i + 1}`);
  const ledger = ledgerWith({ nodes: usedBy(...used), claims: [claim('a', 10)] }, policy);
  if (filtered) ledger.filter(pod('a', ['a']), names, 0);
  return [...ledger.prioritize(pod('a', ['a']), names)];
}

describe('the state after placing, over the whole range', () => {
  test.each([
    ['spread prefers the emptiest', [0, 45, 90], 'spread', [10, 5, 0]],
    ['binpack prefers the fullest', [0, 45, 90], 'binpack', [0, 5, 10]],
    ['equal states have equal scores', [30, 30, 30], 'spread', [0, 0, 0]],
    ['a difference of one in a hundred is one point', [30, 31, 32], 'spread', [2, 1, 0]],
    ['no room scores nothing', [0, 95], 'spread', [10, 0]],
  ] as const)('%s', (_, used, strategy, want) => {
    expect(scores(used, { strategy })).toEqual(want);
  });

  test('is the same whether the pod was filtered before or not', () => {
    expect(scores([0, 45, 90], { strategy: 'spread' }, false)).toEqual([10, 5, 0]);
  });

  test('does not depend on the order of the names', () => {
    const ledger = ledgerWith({ nodes: usedBy(0, 45, 90), claims: [claim('a', 10)] }, { strategy: 'spread' });
    ledger.filter(pod('a', ['a']), ['n1', 'n2', 'n3'], 0);
    expect([...ledger.prioritize(pod('a', ['a']), ['n3', 'n1', 'ghost', 'n2'])]).toEqual([0, 10, 0, 5]);
  });

  test('several volumes in one group weigh what they take together', () => {
    const nodes = [node('n1', [group('pool-0', 100)]), node('n2', [group('pool-0', 20)])];
    const ledger = ledgerWith({ nodes, claims: [claim('a', 5), claim('b', 5)] }, { strategy: 'spread' });
    // 90 of 100 stay empty on the one, 10 of 20 on the other: far more than a tenth apart.
    expect([...ledger.prioritize(pod('p', ['a', 'b']), ['n1', 'n2'])]).toEqual([10, 0]);
  });

  test.each([
    ['spread', [10, 0]],
    ['binpack', [0, 10]],
  ] as const)('units: %s looks at how many stay free', (strategy, want) => {
    const disks = (count: number) => Array.from({ length: count }, (_, i) => unit('Device', `/dev/${i}`, 5));
    const half = [unit('Device', '/dev/x', 5), unit('Device', '/dev/y', 5, { usable: false })];
    const nodes = [node('n1', [], disks(4)), node('n2', [], half)];
    const ledger = ledgerWith(
      { nodes, classes: [DISK], claims: [claim('a', 1, { storageClass: 'disk' })] },
      { strategy },
    );
    expect([...ledger.prioritize(pod('p', ['a']), ['n1', 'n2'])]).toEqual(want);
  });

  test('R13, no volumes, no opinion: whole numbers from 0 to 10, whatever the state', () => {
    const used = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 8 });
    const weights = fc.record({ LVM: fc.integer({ min: 0, max: 10 }), Device: fc.integer({ min: 0, max: 10 }) });
    fc.assert(
      fc.property(used, weights, fc.constantFrom('binpack', 'spread'), (used, antiAffinity, strategy) => {
        for (const score of scores(used, { strategy, antiAffinity })) {
          expect(Number.isInteger(score) && score >= 0 && score <= 10, `${score}`).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('anti-affinity', () => {
  const nodes = [
    node('disks', [group('pool-0', 100)], [unit('Device', '/dev/b', 5)]),
    node('full', [group('pool-0', 100)], [unit('Device', '/dev/b', 5, { usable: false })]),
    node('bare', [group('pool-0', 100, { reserved: bytes(gib(100)) })]),
  ];
  const names = ['disks', 'full', 'bare', 'ghost'];
  const ledger = (antiAffinity: LedgerPolicy['antiAffinity']) =>
    ledgerWith(
      { nodes, classes: [DISK], claims: [claim('a', 10), claim('d', 1, { storageClass: 'disk' })] },
      { strategy: 'spread', ...(antiAffinity ? { antiAffinity } : {}) },
    );

  test.each([
    ['none', undefined, [0, 0, 0, 0]],
    ['keeps pods without disks away from free disks', { Device: 5 }, [0, 5, 5, 5]],
    ['is the mean over the kinds', { Device: 5, LVM: 3 }, [0, 3, 4, 4]],
    ['no weight is no rule', { Device: 0 }, [0, 0, 0, 0]],
  ])('for a pod without volumes: %s', (_, weights, want) => {
    expect([...ledger(weights).prioritize(pod('p', []), names)]).toEqual(want);
  });

  test('does not count for the kind that the pod uses', () => {
    expect([...ledger({ Device: 10 }).prioritize(pod('p', ['d']), names)]).toEqual([
      ...ledger({}).prioritize(pod('p', ['d']), names),
    ]);
  });

  test('weighs beside the pod’s own score', () => {
    // Both have the same room; only one has no free disk to lose.
    expect([...ledger({ Device: 10 }).prioritize(pod('p', ['a']), ['disks', 'full'])]).toEqual([0, 5]);
  });
});
