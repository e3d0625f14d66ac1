import { describe, expect, test } from 'vitest';
import { claim, fitting, group, ledgerWith, lvm, node, pod, unit } from '../ledger-fixture.ts';
import type { FloatPolicy } from './narrow.ts';

const NAMES = ['n1', 'n2', 'n3'];

/** Nodes with this much room; a pod that asks for 2 GiB. */
const offered = (sizes: readonly number[], float: FloatPolicy, strategy: 'binpack' | 'spread' = 'spread') => {
  const nodes = sizes.map((size, i) => node(`n${i + 1}`, [group('pool-0', size)]));
  const ledger = ledgerWith({ nodes, claims: [claim('a', 2)] }, { float, strategy });
  return fitting(ledger, pod('a', ['a']), NAMES);
};

describe('how widely a pod may float', () => {
  test.each<[string, readonly number[], FloatPolicy, string[]]>([
    ['wide: wherever it fits', [2, 20, 6], { kind: 'wide' }, ['n1', 'n2', 'n3']],
    ['one: the best', [2, 20, 6], { kind: 'one' }, ['n2']],
    ['one: the first of equals', [6, 6, 6], { kind: 'one' }, ['n1']],
    ['roomy: where two more like it have room', [2, 20, 6], { kind: 'roomy', more: 2 }, ['n2', 'n3']],
    ['roomy: everywhere while there is plenty', [6, 20, 6], { kind: 'roomy', more: 2 }, ['n1', 'n2', 'n3']],
    ['roomy: the best of the tight', [2, 4, 1], { kind: 'roomy', more: 2 }, ['n2']],
    ['nowhere', [1, 1, 1], { kind: 'one' }, []],
  ])('%s', (_, sizes, float, want) => {
    expect(offered(sizes, float)).toEqual(want);
  });

  test('binpack keeps its tight favourite beside the roomy', () => {
    expect(offered([20, 2, 8], { kind: 'roomy', more: 2 }, 'binpack')).toEqual(['n1', 'n2', 'n3']);
    expect(offered([3, 2, 8], { kind: 'roomy', more: 2 }, 'binpack')).toEqual(['n2', 'n3']);
  });

  test('nodes that are left out are told so', () => {
    const nodes = [node('n1', [group('pool-0', 2)]), node('n2', [group('pool-0', 20)])];
    const ledger = ledgerWith({ nodes, claims: [claim('a', 2)] }, { float: { kind: 'one' }, strategy: 'spread' });
    expect(ledger.filter(pod('a', ['a']), ['n1', 'n2'], 0)).toEqual({
      refusals: [
        {
          kind: 'held-by-others',
          message: 'other nodes have more room, so this one is left to pods that need it',
          unresolvable: true,
        },
        undefined,
      ],
      mayFreeUp: false,
    });
  });

  test('a node is roomy when as many disks are free', () => {
    const disks = (count: number) => Array.from({ length: count }, (_, i) => unit('Device', `/dev/${i}`, 5));
    const nodes = [node('n1', [], disks(1)), node('n2', [], disks(3)), node('n3', [], disks(4))];
    const classes = [lvm('disk', { volumeType: 'Device' })];
    const claims = [claim('a', 1, { storageClass: 'disk' })];
    const ledger = ledgerWith({ nodes, classes, claims }, { float: { kind: 'roomy', more: 2 }, strategy: 'spread' });
    expect(fitting(ledger, pod('a', ['a']), NAMES)).toEqual(['n2', 'n3']);
  });
});
