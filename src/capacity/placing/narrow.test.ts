import { describe, expect, test } from 'vitest';
import { parseStorageClass } from '../../model/storage-class.ts';
import { claim, fitting, gib, group, ledgerWith, lvm, node, pod, unit } from '../ledger-fixture.ts';
import type { Ledger, LedgerPolicy } from '../ledger.ts';
import type { FloatPolicy } from './narrow.ts';

const NAMES = ['n1', 'n2', 'n3'];

const withDisk = (name: string, size: number) => node(name, [group('pool-0', size)], [unit('Device', '/dev/a', 1)]);

/** Nodes with this much room, and a disk for another pod. */
function nodesWith(sizes: readonly number[], policy: Partial<LedgerPolicy>): Ledger {
  const nodes = sizes.map((size, i) => withDisk(`n${i + 1}`, size));
  const claims = [claim('a', 2), claim('rival', 1, { storageClass: 'disk' })];
  return ledgerWith({ nodes, claims, classes: [lvm('disk', { volumeType: 'Device' })] }, policy);
}

/** Another pod is being placed on these nodes. It takes none of the room that the pod asks for. */
const compete = (ledger: Ledger, names: readonly string[], nowMs = 0) =>
  expect(fitting(ledger, pod('rival', ['rival']), names, nowMs)).not.toEqual([]);

/** Where a pod that asks for 2 GiB may go while another one competes. */
const offered = (sizes: readonly number[], float: FloatPolicy, strategy: 'binpack' | 'spread' = 'spread') => {
  const ledger = nodesWith(sizes, { float, strategy });
  compete(ledger, NAMES);
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

  describe('roomy', () => {
    const float: FloatPolicy = { kind: 'roomy', more: 4 };
    const tight = () => nodesWith([6, 6, 6], { float, strategy: 'spread' });
    const ask = (ledger: Ledger, nowMs = 0) => fitting(ledger, pod('a', ['a']), NAMES, nowMs);

    test('idle: wide, however tight it is', () => {
      expect(ask(tight())).toEqual(NAMES);
    });

    test('competing: narrowed', () => {
      const ledger = tight();
      compete(ledger, NAMES);
      expect(ask(ledger)).toEqual(['n1']);
    });

    test('a pod that competes on other nodes narrows nothing', () => {
      const ledger = tight();
      ledger.nodeChanged(withDisk('n4', 6));
      compete(ledger, ['n4']);
      expect(ask(ledger)).toEqual(NAMES);
    });

    test('a pod whose node is known competes for a second; one that floats, as long as it does', () => {
      const settled = tight();
      compete(settled, ['n1']);
      expect(ask(settled, 999)).toEqual(['n1']);
      expect(ask(settled, 1000)).toEqual(NAMES);
      const floating = tight();
      compete(floating, NAMES);
      expect(ask(floating, 50_000)).toEqual(['n1']);
    });

    test('a pod that is asked about again does not compete with itself, nor one whose volume is recorded', () => {
      const ledger = tight();
      expect(ask(ledger)).toEqual(NAMES);
      expect(ask(ledger, 1)).toEqual(NAMES);
      compete(ledger, NAMES);
      const policy = parseStorageClass({ volumeType: 'Device' });
      ledger.place({ name: 'v', claimUid: 'uid-rival', size: gib(1), policy, nodes: ['n1'] }, 2);
      expect(ask(ledger, 3)).toEqual(NAMES);
    });
  });

  test('a node is roomy when as many disks are free', () => {
    const disks = (count: number) => Array.from({ length: count }, (_, i) => unit('Device', `/dev/${i}`, 5));
    const nodes = [node('n1', [], disks(1)), node('n2', [], disks(3)), node('n3', [], disks(4))];
    const classes = [lvm('disk', { volumeType: 'Device' })];
    const claims = [claim('a', 1, { storageClass: 'disk' })];
    const more = [claim('rival', 1)];
    const groups = nodes.map(({ name, units }) => node(name, [group('pool-0', 9)], units));
    const policy = { float: { kind: 'roomy', more: 2 }, strategy: 'spread' } as const;
    const ledger = ledgerWith({ nodes: groups, classes, claims: [...claims, ...more] }, policy);
    compete(ledger, NAMES);
    expect(fitting(ledger, pod('a', ['a']), NAMES)).toEqual(['n2', 'n3']);
  });
});
