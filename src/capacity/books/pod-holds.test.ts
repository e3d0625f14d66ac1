import { expect, test } from 'vitest';
import { present } from '../../model/present.ts';
import { FIRST_ROWS, gib, group, node } from '../ledger-fixture.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';
import { planFor } from '../placing/plan.ts';
import { Cluster } from '../stock/cluster.ts';
import { NONE } from '../stock/columns.ts';
import { PodHold } from './pod-hold.ts';
import { PodHolds } from './pod-holds.ts';

const A: VolumeRequest = { key: 'a', kind: 'LVM', size: gib(2) };
const B: VolumeRequest = { key: 'b', kind: 'LVM', size: gib(3) };

/** Four nodes of two groups of 10 GiB each. */
function fourNodes() {
  const cluster = new Cluster(FIRST_ROWS);
  for (const name of ['n1', 'n2', 'n3', 'n4']) cluster.report(node(name, [group('one', 10), group('two', 10)]));
  const room = (name: string) => cluster.room(name);
  const row = (name: string, groupName: string): number =>
    [...room(name).slots()].find((slot) => slot.name === groupName)?.row ?? NONE;
  return {
    cluster,
    room,
    row,
    /** Where volumes go on each node: the first to group `one`, the second to `two`; `none` for no room at all. */
    hold: (
      podUid: string,
      requests: readonly VolumeRequest[],
      places: Readonly<Record<string, readonly ('one' | 'two' | 'none')[]>>,
      { borrowed = [], expiresAt = 0 }: { readonly borrowed?: readonly string[]; readonly expiresAt?: number } = {},
    ): PodHold => {
      const names = Object.keys(places);
      const nodes = Int32Array.from(names, (name) => room(name).number);
      const rows = Int32Array.from(names.flatMap((name) => (places[name] ?? []).map((where) => row(name, where))));
      const plan = planFor(cluster.columns, requests, nodes, rows);
      const count = requests.length;
      names.forEach((name, i) => {
        if (borrowed.includes(name)) plan.amounts.fill(0, i * count, (i + 1) * count);
      });
      return new PodHold(cluster, podUid, plan, expiresAt);
    },
    /** GiB that are held in each group of a node: floating and settled. */
    held: (name: string) =>
      [...room(name).slots()].map(({ row: at }) => {
        const { floating, settled, free } = cluster.columns;
        expect(free[at]).toBe(gib(10) - floating[at]! - settled[at]!);
        return [floating[at]! / gib(1), settled[at]! / gib(1)];
      }),
    placed: (found: ReturnType<PodHold['planned']>) => found && [found.slot.node.name, found.slot.name, found.amount],
  };
}
const NOTHING = [
  [0, 0],
  [0, 0],
];

test('a pod that may go to two nodes holds room for each of its volumes on both, until each volume ends', () => {
  const { hold, room, row, held, placed } = fourNodes();
  const it = hold('p', [A, B], { n1: ['one', 'two'], n2: ['two', 'one'] });
  expect([it.state, it.covers(room('n2')), it.covers(room('n3'))]).toEqual(['floating', true, false]);
  expect([held('n1'), held('n2'), held('n3')]).toEqual([
    [
      [2, 0],
      [3, 0],
    ],
    [
      [3, 0],
      [2, 0],
    ],
    NOTHING,
  ]);
  expect([it.planned('a', room('n1')), it.planned('b', room('n1')), it.planned('b', room('n2'))].map(placed)).toEqual([
    ['n1', 'one', gib(2)],
    ['n1', 'two', gib(3)],
    ['n2', 'one', gib(3)],
  ]);
  expect([it.planned('a', room('n3')), it.planned('c', room('n1'))]).toEqual([undefined, undefined]);
  expect([...it.plannedEverywhere('b')].map(placed)).toEqual([
    ['n1', 'two', gib(3)],
    ['n2', 'one', gib(3)],
  ]);
  expect(it.roomFor('b')).toEqual(
    new Map([
      [room('n1').number, { row: row('n1', 'two'), amount: gib(3) }],
      [room('n2').number, { row: row('n2', 'one'), amount: gib(3) }],
    ]),
  );
  expect([it.roomFor('c'), [...it.plannedEverywhere('c')]]).toEqual([new Map(), []]);

  expect([it.end('c'), it.end('a'), it.end('a')]).toEqual([false, false, false]);
  expect([it.pending(), it.pendingOn(room('n1')), it.pendingOn(room('n3'))]).toEqual([[B], [B], []]);
  expect([it.planned('a', room('n1')), it.roomFor('a'), [...it.plannedEverywhere('a')]]).toEqual([
    undefined,
    new Map(),
    [],
  ]);
  expect(held('n1')).toEqual([
    [0, 0],
    [3, 0],
  ]);
  expect(it.end('b')).toBe(true);
  expect([held('n1'), held('n2')]).toEqual([NOTHING, NOTHING]);
});

test('once its node is known it holds room there alone, and nothing more for what has ended', () => {
  const { hold, room, held } = fourNodes();
  const it = hold('p', [A, B], { n1: ['one', 'two'], n2: ['one', 'two'], n3: ['one', 'two'] });
  it.end('a');
  expect(() => it.settleOn(room('n4'))).toThrow('pod p was not offered node n4');
  for (const _ of [1, 2]) it.settleOn(room('n2'));
  expect([held('n1'), held('n2'), held('n3')]).toEqual([
    NOTHING,
    [
      [0, 0],
      [0, 3],
    ],
    NOTHING,
  ]);
  expect([it.state, [...it.plan.nodes], it.plan.rows.length]).toEqual(['settled', [room('n2').number], 2]);
  expect(() => it.settleOn(room('n1'))).toThrow('pod p was not offered node n1');
  it.endAll();
  it.endAll();
  expect([it.pending(), held('n2')]).toEqual([[], NOTHING]);
});

test('a pod with one node to go to holds its room for certain from the start', () => {
  const { hold, held } = fourNodes();
  expect(hold('p', [A], { n1: ['two'] }).state).toBe('settled');
  expect(held('n1')).toEqual([
    [0, 0],
    [0, 2],
  ]);
});

test('where a volume is there already it holds nothing for it', () => {
  const { hold, room, held, placed } = fourNodes();
  const it = hold('p', [A, B], { n1: ['none', 'two'], n2: ['one', 'two'] });
  expect([it.pendingOn(room('n1')), it.pendingOn(room('n2'))]).toEqual([[B], [A, B]]);
  expect([it.planned('a', room('n1')), [...it.plannedEverywhere('a')].map(placed)]).toEqual([
    undefined,
    [['n2', 'one', gib(2)]],
  ]);
  it.settleOn(room('n1'));
  expect([held('n1'), held('n2')]).toEqual([
    [
      [0, 0],
      [0, 3],
    ],
    NOTHING,
  ]);
});

test('the room of an ephemeral volume is for the claim that comes, and for no later one of its name', () => {
  const { hold } = fourNodes();
  const it = hold('p', [A, { ...A, key: 'b' }, { ...A, key: 'c', claimUid: 'u-c' }], { n1: ['one', 'one', 'one'] });
  it.adopt('a', 'u-1');
  it.adopt('a', 'u-2');
  it.adopt('c', 'u-3');
  expect(it.pending().map(({ key, claimUid }) => [key, claimUid])).toEqual([
    ['a', 'u-1'],
    ['b', undefined],
    ['c', 'u-c'],
  ]);
});

const claimed = (key: string, claimUid?: string): VolumeRequest => ({ ...A, key, ...present({ claimUid }) });

test('holds are found by pod and by volume, and each pod has one', () => {
  const { hold, held } = fourNodes();
  const holds = new PodHolds();
  const [p, q] = [hold('p', [A, B], { n1: ['one', 'two'] }), hold('q', [B], { n2: ['two'] })];
  for (const each of [p, q]) holds.add(each);
  expect(() => holds.add(p)).toThrow('pod p holds room already');
  expect([holds.uids(), [...holds.all()], holds.get('q')]).toEqual([['p', 'q'], [p, q], q]);
  expect([holds.of('a'), holds.of('b'), holds.of('c')]).toEqual([[p], [p, q], []]);
  holds.endVolume('a', p);
  expect([holds.of('a'), holds.of('b'), holds.get('p')]).toEqual([[], [p, q], p]);
  holds.endVolume('b', p);
  expect([holds.of('b'), holds.uids(), held('n1')]).toEqual([[q], ['q'], NOTHING]);
  for (const uid of ['p', 'q', 'q']) holds.end(uid);
  expect([holds.of('b'), holds.uids(), held('n2')]).toEqual([[], [], NOTHING]);
});

test('pods compete for a node while they may go there, or have lately settled there', () => {
  const { hold, room } = fourNodes();
  const holds = new PodHolds();
  holds.add(hold('floats', [A], { n1: ['one'], n2: ['one'] }));
  holds.add(hold('settled', [B], { n3: ['one'] }, { expiresAt: 100 }));
  const competes = (name: string, since: number) => holds.compete(Int32Array.of(room(name).number), since);
  expect([competes('n1', 1000), competes('n2', 0), competes('n3', 99), competes('n3', 100)]).toEqual([
    ...[true, true, true, false],
  ]);
  holds.end('floats');
  expect([competes('n1', 0), competes('n3', 0)]).toEqual([false, true]);
});

test('of several pods with one claim the one that holds its room is found, by the uid of the claim', () => {
  const { hold } = fourNodes();
  const holds = new PodHolds();
  const borrows = hold('borrows', [claimed('a', 'u-a')], { n1: ['one'], n2: ['one'] }, { borrowed: ['n1', 'n2'] });
  const holder = hold('holder', [claimed('a', 'u-a'), claimed('b', 'u-b')], {
    ...{ n1: ['one', 'two'], n2: ['one', 'two'] },
  });
  for (const each of [borrows, holder]) holds.add(each);
  const found = (request: VolumeRequest): string | undefined => holds.holderOf(request)?.podUid;
  expect(found(claimed('a', 'u-a'))).toBe('holder');
  expect([found(claimed('a')), found(claimed('a', 'u-b')), found(claimed('b', 'u-a'))]).toEqual([
    ...[undefined, undefined, undefined],
  ]);
  holds.add(hold('unclaimed', [claimed('d')], { n1: ['two'] }));
  expect(found(claimed('d'))).toBeUndefined();
  holds.endVolume('a', holder);
  expect(found(claimed('a', 'u-a'))).toBeUndefined();
});

test('on one node of several is enough to be the holder', () => {
  const { hold } = fourNodes();
  const holds = new PodHolds();
  holds.add(hold('half', [claimed('a', 'u-a')], { n1: ['one'], n2: ['one'] }, { borrowed: ['n2'] }));
  expect(holds.holderOf(claimed('a', 'u-a'))?.podUid).toBe('half');
});

/** `first` holds, and the others borrow the same room, on the same nodes. */
function borrowing() {
  const it = fourNodes();
  const holds = new PodHolds();
  const places = { n1: ['one'], n2: ['one'] } as const;
  holds.add(it.hold('first', [A], places));
  // Neither has the room that the first gives up: one holds its own, one was to go to the other group.
  holds.add(it.hold('own', [A], places));
  holds.add(it.hold('other', [A], { n1: ['two'], n2: ['two'] }, { borrowed: ['n1', 'n2'] }));
  holds.add(it.hold('heir', [A], places, { borrowed: ['n1', 'n2'] }));
  return { ...it, holds };
}

test('what a pod gave up is held by the pod that borrowed it', () => {
  const { holds, held, room } = borrowing();
  expect(held('n1')[0]).toEqual([4, 0]);
  holds.end('first');
  expect([held('n1'), held('n2')].map(([one, two]) => [one, two])).toEqual([
    [
      [4, 0],
      [0, 0],
    ],
    [
      [4, 0],
      [0, 0],
    ],
  ]);
  expect(holds.get('heir')?.planned('a', room('n2'))?.amount).toBe(gib(2));
  expect(holds.get('other')?.planned('a', room('n2'))?.amount).toBe(0);
  for (const uid of ['own', 'heir', 'other']) holds.end(uid);
  expect([held('n1'), held('n2')]).toEqual([NOTHING, NOTHING]);
});

test('one that settles gives up the other nodes alone', () => {
  const { holds, held, room } = borrowing();
  holds.settle(holds.get('first')!, room('n1'));
  expect([held('n1')[0], held('n2')[0]]).toEqual([
    [2, 2],
    [4, 0],
  ]);
  const heir = holds.get('heir');
  expect([heir?.planned('a', room('n1'))?.amount, heir?.planned('a', room('n2'))?.amount]).toEqual([0, gib(2)]);
});

test('what is borrowed is not given on', () => {
  const { holds, held } = borrowing();
  holds.end('other');
  holds.end('heir');
  expect([held('n1')[0], held('n2')[0]]).toEqual([
    [4, 0],
    [4, 0],
  ]);
  holds.end('first');
  expect([held('n1')[0], held('n2')[0]]).toEqual([
    [2, 0],
    [2, 0],
  ]);
});
