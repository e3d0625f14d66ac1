import { expect, test } from 'vitest';
import { claim, fitting, freeIn, gib, group, ledgerWith, node, pod, volume } from './ledger-fixture.ts';
import { parseStorageClass } from '../model/storage-class.ts';

const anyGroup = parseStorageClass({ volumeType: 'LVM' });
const nodes = (...sizes: number[]) => sizes.map((size, i) => node(`n${i + 1}`, [group('pool-0', size)]));

test('room is held on every node of the answer until one is chosen', () => {
  const ledger = ledgerWith({ nodes: nodes(10, 10), claims: [claim('a', 6), claim('b', 6)] });
  expect(fitting(ledger, pod('a', ['a']), ['n1', 'n2'])).toEqual(['n1', 'n2']);
  expect([freeIn(ledger, 'n1', 'pool-0'), freeIn(ledger, 'n2', 'pool-0')]).toEqual([gib(4), gib(4)]);

  const verdict = ledger.filter(pod('b', ['b']), ['n1', 'n2'], 0);
  expect(verdict.refusals.map((r) => r?.kind)).toEqual(['held-by-others', 'held-by-others']);
  expect(verdict.mayFreeUp).toBe(true);

  ledger.claimChanged(claim('a', 6, { selectedNode: 'n1' }));
  expect(fitting(ledger, pod('b', ['b']), ['n1', 'n2'])).toEqual(['n2']);
});

test('a volume that is made takes the place of what was held for it', () => {
  const ledger = ledgerWith({ nodes: nodes(10, 10), claims: [claim('a', 6)] });
  ledger.filter(pod('a', ['a']), ['n1', 'n2'], 0);
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n2' }));
  const answer = ledger.place(
    { name: 'pvc-a', claim: { namespace: 'default', name: 'a' }, size: gib(6), policy: anyGroup, nodes: ['n2'] },
    0,
  );
  expect(answer).toEqual({ ok: true, placement: { kind: 'LVM', node: 'n2', vgName: 'pool-0', size: gib(6) } });
  ledger.volumeChanged(volume('pvc-a', 'pool-0', 6, { node: 'n2', claimUid: 'uid-a' }));
  ledger.nodeChanged(node('n2', [group('pool-0', 10, { volumes: [{ name: 'pvc-a', size: gib(6) }] })]));
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n2', volumeName: 'pvc-a', bound: true }));
  ledger.podGone('uid-a');
  expect([freeIn(ledger, 'n1', 'pool-0'), freeIn(ledger, 'n2', 'pool-0')]).toEqual([gib(10), gib(4)]);
  expect(ledger.holds()).toEqual({ floating: 0, settled: 0, claims: 0 });
});
