import { describe, expect, test } from 'vitest';
import { GIB } from '../model/bytes.ts';
import { parseStorageClass } from '../model/storage-class.ts';
import { claim, fitting, freeIn, gib, group, ledgerWith, lvm, node, pod, unit, volume } from './ledger-fixture.ts';
import { Columns } from './stock/columns.ts';

/** The ledger keeps its numbers in arrays that grow: what they had stays, and what comes fits. */

const anyGroup = parseStorageClass({ volumeType: 'LVM' });
const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);
const sizeOf = (i: number) => 4 + (i % 7);

function columnsOf(columns: Columns): { readonly ofSlots: number[]; readonly ofNodes: number[] } {
  const { present, firstGroup, unitCount, unmetCount, freed: _, ...slots } = columns;
  return {
    ofSlots: Object.values(slots).map(({ length }) => length),
    ofNodes: [present, firstGroup, unitCount, unmetCount].map(({ length }) => length),
  };
}

test('all columns grow together, and keep their numbers', () => {
  const columns = new Columns(2);
  const row = columns.addRow(columns.addNode());
  for (const column of [columns.base, columns.settled, columns.floating, columns.free, columns.planned])
    column[row] = 7;
  for (const column of [columns.extent, columns.total, columns.groupName, columns.nextGroup]) column[row] = 7;
  columns.unitCount[0] = 7;
  columns.unmetCount[0] = 7;
  columns.firstGroup[0] = 7;
  columns.present[0] = 1;
  for (let i = 0; i < 9; i += 1) columns.addRow(columns.addNode());
  expect(columnsOf(columns)).toEqual({ ofSlots: Array(11).fill(16), ofNodes: Array(4).fill(16) });
  const { base, settled, floating, free, planned, extent, total, groupName, nextGroup, nodeOf } = columns;
  const kept = [base, settled, floating, free, planned, extent, total, groupName, nextGroup].map(
    (column) => column[row],
  );
  expect(kept).toEqual(Array(9).fill(7));
  expect([...nodeOf.subarray(0, 10)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const { unitCount, unmetCount, firstGroup, present } = columns;
  expect([unitCount[0], unmetCount[0], firstGroup[0], present[0]]).toEqual([7, 7, 7, 1]);
});

test('a row and a number that are used again begin anew', () => {
  const columns = new Columns(2);
  const number = columns.addNode();
  const row = columns.addRow(number);
  const { base, settled, floating, free, planned, extent, total, groupName, nextGroup } = columns;
  for (const column of [base, settled, floating, free, planned, extent, total, groupName, nextGroup]) column[row] = 7;
  for (const column of [columns.present, columns.firstGroup, columns.unitCount, columns.unmetCount]) column[number] = 7;
  columns.removeRow(row);
  columns.removeNode(number);
  expect(columns.addNode()).toBe(number);
  expect(columns.addRow(number)).toBe(row);
  expect([base, settled, floating, free, planned, extent, total].map((column) => column[row])).toEqual(
    Array(7).fill(0),
  );
  expect([groupName[row], nextGroup[row], columns.nodeOf[row]]).toEqual([-1, -1, number]);
  const { present, firstGroup, unitCount, unmetCount } = columns;
  expect([present, firstGroup, unitCount, unmetCount].map((column) => column[number])).toEqual([0, -1, 0, 0]);
});

describe.each([
  { count: 70, firstRows: 2 },
  { count: 70, firstRows: 64 },
  { count: 200, firstRows: 2 },
  { count: 200, firstRows: 64 },
])('$count nodes in columns for $firstRows', ({ count, firstRows }) => {
  const names = namesOf(count);
  const nodes = names.map((name, i) =>
    node(name, [group('pool-0', sizeOf(i)), group('pool-1', 2)], [unit('Device', '/dev/a', sizeOf(i))]),
  );
  const classes = [lvm('disk', { volumeType: 'Device' }), lvm('pool-1', { vgName: 'pool-1' })];
  const policy = { firstRows } as const;

  test('a claim fits where there is room for it, and nowhere else', () => {
    const ledger = ledgerWith({ nodes, classes, claims: [claim('a', 8)] }, policy);
    expect(fitting(ledger, pod('a', ['a']), names)).toEqual(names.filter((_, i) => sizeOf(i) >= 8));
  });

  test('so does one that names its group, and one that wants a disk', () => {
    const claims = [claim('b', 3, { storageClass: 'pool-1' }), claim('c', 8, { storageClass: 'disk' })];
    const ledger = ledgerWith({ nodes, classes, claims }, policy);
    expect(fitting(ledger, pod('b', ['b']), names)).toEqual([]);
    expect(fitting(ledger, pod('c', ['c']), names)).toEqual(names.filter((_, i) => sizeOf(i) >= 8));
  });

  test('what is recorded, held and floating on each node stays apart', () => {
    const claims = names.map((name, i) => claim(`c${i}`, 1, { selectedNode: name }));
    const volumes = names.map((name, i) => volume(`v${i}`, 'pool-0', 1, { node: name }));
    const ledger = ledgerWith({ nodes, classes, claims: [...claims, claim('a', 1)], volumes }, policy);
    // binpack puts the claims into pool-1, and then the pod too.
    expect(fitting(ledger, pod('a', ['a']), names)).toEqual(names);
    expect(names.map((name) => freeIn(ledger, name, 'pool-0'))).toEqual(names.map((_, i) => gib(sizeOf(i) - 1)));
    expect(names.map((name) => freeIn(ledger, name, 'pool-1'))).toEqual(names.map(() => 0));
  });

  test('a claim that found no room is held when some is freed, on every node', () => {
    const volumes = names.map((name, i) => volume(`v${i}`, 'pool-0', sizeOf(i), { node: name }));
    const claims = names.map((name, i) => claim(`c${i}`, 3, { selectedNode: name }));
    const ledger = ledgerWith({ nodes, classes, claims, volumes }, policy);
    expect(ledger.holds().claims).toBe(0);
    for (const { name } of volumes) ledger.volumeGone(name);
    expect(ledger.holds().claims).toBe(count);
  });

  test('scores follow how full each node is', () => {
    const ledger = ledgerWith({ nodes, classes, claims: [claim('a', 3)] }, { ...policy, strategy: 'spread' });
    const scores = ledger.prioritize(pod('a', ['a']), names);
    expect([...scores.slice(0, 7)]).toEqual([0, 3, 6, 7, 8, 9, 10]);
    expect([...scores]).toEqual(names.map((_, i) => scores[i % 7]));
  });

  test('a volume is placed on the node that is asked for, each in its turn', () => {
    const ledger = ledgerWith({ nodes, classes }, policy);
    for (const name of names) {
      const ask = { name: `v-${name}`, size: gib(3), policy: anyGroup, nodes: [name] };
      expect(ledger.place(ask, 0)).toMatchObject({ ok: true, placement: { node: name, vgName: 'pool-0' } });
    }
    expect(names.map((name) => freeIn(ledger, name, 'pool-0'))).toEqual(names.map((_, i) => (sizeOf(i) - 3) * GIB));
  });
});
