import { expect, onTestFinished, test } from 'vitest';
import { claim, fitting, freeIn, gib, group, ledgerWith, lvm, node, pod } from './ledger-fixture.ts';
import { Columns, NONE } from './stock/columns.ts';
import { parseStorageClass } from '../model/storage-class.ts';

const NODES = ['n1', 'n2'];

/** As it is now, to be called on columns or put back. */
const methodOf = <K extends 'hold' | 'holdAll'>(name: K): Columns[K] =>
  Reflect.get(Columns.prototype, name) as Columns[K];

/** A ledger whose holds take `times` what they should, as a fault of ours might. */
function faulty(times: number) {
  const told: string[] = [];
  const sound = methodOf('holdAll');
  onTestFinished(() => void (Columns.prototype.holdAll = sound));
  Columns.prototype.holdAll = function (rows, amounts, state) {
    for (let i = 0; i < times; i += 1) sound.call(this, rows, amounts, state);
  };
  const ledger = ledgerWith(
    {
      nodes: [node('n1', [group('pool-0', 10)]), node('n2', [group('pool-0', 10)])],
      claims: [claim('a', 6)],
      pods: [pod('a', ['a'])],
    },
    { onBroken: (what) => void told.push(what) },
  );
  return { ledger, told };
}

test('a filter that would hold more than there is holds nothing, refuses every node and tells', () => {
  const { ledger, told } = faulty(2);
  const { refusals, mayFreeUp } = ledger.filter(pod('a', ['a']), NODES, 0);
  expect(refusals.map((refusal) => refusal?.message)).toEqual(
    Array(2).fill(expect.stringMatching(/numbers are wrong/)),
  );
  expect(mayFreeUp).toBe(false);
  expect(told).toEqual([
    expect.stringMatching(/^2147483648 more than there is were promised in LVM pool-0 of node n1$/),
  ]);
  expect(ledger.holds()).toMatchObject({ floating: 0, settled: 0 });
});

test('so does bind', () => {
  const { ledger, told } = faulty(2);
  expect(ledger.bind('uid-a', 'n1', 0)?.message).toMatch(/numbers are wrong/);
  expect(told).toHaveLength(1);
  expect(ledger.holds().settled).toBe(0);
});

test('a hold in the slot of another node is told', () => {
  const { ledger, told } = faulty(1);
  const holdAll = methodOf('holdAll');
  Columns.prototype.holdAll = function (rows, amounts, state) {
    if (rows.length === 2) rows.reverse();
    holdAll.call(this, rows, amounts, state);
  };
  expect(fitting(ledger, pod('a', ['a']), NODES)).toEqual([]);
  expect(told).toEqual(['a hold on node n1 is in a slot of another']);
});

test('a volume for which there is no room after all is not placed', () => {
  const { ledger, told } = faulty(1);
  const hold = methodOf('hold');
  ledger.filter(pod('a', ['a']), ['n1'], 0);
  ledger.claimChanged(claim('a', 6, { selectedNode: 'n1' }));
  onTestFinished(() => void (Columns.prototype.hold = hold));
  Columns.prototype.hold = function (row, amount, state) {
    if (amount > 0 || row === NONE) hold.call(this, row, amount, state);
  };
  const ask = { name: 'v', claimUid: 'uid-a', size: gib(6), policy: parseStorageClass(lvm('lvm').parameters) };
  expect(ledger.place(ask, 0)).toMatchObject({ ok: false, refusal: { kind: 'held-by-others' } });
  expect(told).toHaveLength(1);
  Columns.prototype.hold = hold;
  expect(freeIn(ledger, 'n1', 'pool-0')).toBe(gib(4));
});
