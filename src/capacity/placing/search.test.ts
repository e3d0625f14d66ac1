import { present } from '../../model/present.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { Cluster } from '../stock/cluster.ts';
import { FIRST_ROWS, gib, group, node, unit } from '../ledger-fixture.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import { PlaceSearch, type PlacingRules } from './search.ts';
import { byNeed, type VolumeRequest } from '../needs/volume-request.ts';

const lvm = (key: string, size: number, vgName?: string): VolumeRequest => ({
  key,
  kind: 'LVM',
  size: gib(size),
  ...present({ vgName }),
});
const disk = (key: string, size: number, mediaType?: 'ssd' | 'hdd'): VolumeRequest => ({
  key,
  kind: 'Device',
  size: gib(size),
  ...(mediaType ? { mediaType } : {}),
});

interface Room {
  readonly node: NodeRoom;
  readonly cluster: Cluster;
}

function roomOf(...storage: Parameters<typeof node>): Room {
  const cluster = new Cluster(FIRST_ROWS);
  cluster.report(node(...storage));
  return { node: cluster.room(storage[0]), cluster };
}

/** Where each volume goes, by its key; undefined when they do not all fit. */
function place({ node, cluster }: Room, requests: readonly VolumeRequest[], rules: Partial<PlacingRules> = {}) {
  const ordered = requests.toSorted(byNeed);
  const search = searchOf(cluster, ordered, rules);
  const failed = search.place(node.number);
  expect([...node.slots()].map(({ planned }) => planned).filter(Boolean), 'a plan takes no room').toEqual([]);
  const rows = search.rows();
  expect(rows).toHaveLength(failed ? 0 : ordered.length);
  return failed ? undefined : Object.fromEntries(ordered.map(({ key }, j) => [key, cluster.slot(rows[j]!).name]));
}

const searchOf = (cluster: Cluster, requests: readonly VolumeRequest[], rules: Partial<PlacingRules> = {}) =>
  new PlaceSearch(cluster, requests, {
    strategy: 'binpack',
    ignoreFloating: false,
    budget: { turns: 1000 },
    ...rules,
  });

describe('one volume in a group', () => {
  const room = roomOf('n1', [group('big', 10), group('small', 4), group('other', 6)]);

  test.each([
    ['binpack takes the fullest that has room', lvm('a', 3), 'binpack', 'small'],
    ['spread takes the emptiest', lvm('a', 3), 'spread', 'big'],
    ['an exact fit fits', lvm('a', 4), 'binpack', 'small'],
    ['a named group is the only one', lvm('a', 1, 'other'), 'spread', 'other'],
    ['a named group that is full', lvm('a', 7, 'other'), 'spread', undefined],
    ['a group that the node does not have', lvm('a', 1, 'absent'), 'spread', undefined],
    ['larger than any', lvm('a', 11), 'binpack', undefined],
  ] as const)('%s', (_, request, strategy, want) => {
    expect(place(room, [request], { strategy })?.['a']).toBe(want);
  });

  test('a byte more than there is does not fit', () => {
    const request = { key: 'a', kind: 'LVM', size: bytes(10 * GIB + 1) } as const;
    expect(place(room, [request])).toBeUndefined();
  });

  test('the size is rounded up to the extent of the group', () => {
    const coarse = roomOf('n1', [group('pool', 4, { extentSize: bytes(GIB) })]);
    const request = (key: string): VolumeRequest => ({ key, kind: 'LVM', size: bytes(GIB + MIB) });
    expect(place(coarse, [request('a'), request('b')])).toEqual({ a: 'pool', b: 'pool' });
    expect(place(coarse, [request('a'), request('b'), request('c')])).toBeUndefined();
  });

  test('ties go to the first, whatever the strategy', () => {
    const even = roomOf('n1', [group('a', 5), group('b', 5)]);
    expect(place(even, [lvm('x', 1)], { strategy: 'binpack' })).toEqual({ x: 'a' });
    expect(place(even, [lvm('x', 1)], { strategy: 'spread' })).toEqual({ x: 'a' });
  });
});

describe('several volumes of one pod', () => {
  test('each sees what the others take', () => {
    const room = roomOf('n1', [group('pool', 10)]);
    expect(place(room, [lvm('a', 6), lvm('b', 4)])).toEqual({ a: 'pool', b: 'pool' });
    expect(place(room, [lvm('a', 6), lvm('b', 5)])).toBeUndefined();
  });

  test('a named group is kept for those who name it', () => {
    const room = roomOf('n1', [group('named', 5), group('other', 5)]);
    expect(place(room, [lvm('any', 5), lvm('sure', 5, 'named')])).toEqual({ any: 'other', sure: 'named' });
  });

  test('a way to fit them all is found where taking the best for each is not one', () => {
    const room = roomOf('n1', [group('six', 6), group('four', 4)]);
    const requests = [lvm('a', 4), lvm('b', 3), lvm('c', 3)];
    expect(place(room, requests, { strategy: 'spread' })).toEqual({ a: 'four', b: 'six', c: 'six' });
    expect(place(room, requests, { strategy: 'spread', budget: { turns: 1 } } as never)).toBeUndefined();
  });

  test('spread spreads them', () => {
    const room = roomOf('n1', [group('a', 5), group('b', 5)]);
    expect(place(room, [lvm('x', 1), lvm('y', 1)], { strategy: 'spread' })).toEqual({ x: 'a', y: 'b' });
    expect(place(room, [lvm('x', 1), lvm('y', 1)], { strategy: 'binpack' })).toEqual({ x: 'a', y: 'a' });
  });
});

describe('whole disks', () => {
  const disks = [
    unit('Device', '/dev/20', 20),
    unit('Device', '/dev/5', 5),
    unit('Device', '/dev/10', 10, { mediaType: 'hdd' }),
    unit('MountPoint', '/mnt/6', 6),
  ];

  test.each([
    ['the smallest that suffices', [disk('a', 3)], { a: '/dev/5' }],
    ['of the medium that is asked', [disk('a', 3, 'hdd')], { a: '/dev/10' }],
    ['never one for two', [disk('a', 3, 'hdd'), disk('b', 3, 'hdd')], undefined],
    ['the larger first, so that both fit', [disk('a', 3), disk('b', 15)], { a: '/dev/5', b: '/dev/20' }],
    [
      'one with a choice leaves the only one',
      [disk('any', 4), disk('fast', 4, 'ssd')],
      { any: '/dev/10', fast: '/dev/5' },
    ],
    ['a mount point is no device', [disk('a', 6), disk('b', 6), disk('c', 6)], undefined],
    ['a mount point', [{ key: 'm', kind: 'MountPoint', size: gib(6) }], { m: '/mnt/6' }],
    ['too small a mount point', [{ key: 'm', kind: 'MountPoint', size: gib(7) }], undefined],
  ] as const)('%s', (_, requests, want) => {
    expect(place(roomOf('n1', [], disks), requests)).toEqual(want);
  });

  test('R6, all or nothing: disks of 5 and 20 GiB do not hold two claims of 10', () => {
    const room = roomOf('n1', [], [unit('Device', '/dev/5', 5), unit('Device', '/dev/20', 20)]);
    expect(place(room, [disk('a', 10), disk('b', 10)])).toBeUndefined();
  });

  test('a disk that is in use is not taken, and is still a disk', () => {
    const room = roomOf('n1', [], [unit('Device', '/dev/5', 5, { usable: false })]);
    expect(place(room, [disk('a', 1)])).toBeUndefined();
    expect(searchOf(room.cluster, [disk('a', 1)]).whyNot(room.node.number, 0)).toBe('full');
    expect(searchOf(room.cluster, [disk('a', 6)]).whyNot(room.node.number, 0)).toBe('absent');
  });
});

test('room that only floats is left out of account when asked so', () => {
  const room = roomOf('n1', [group('pool', 10)]);
  room.node.group('pool').hold(6 * GIB, 'floating');
  room.node.group('pool').hold(1 * GIB, 'settled');
  expect(place(room, [lvm('a', 4)])).toBeUndefined();
  expect(place(room, [lvm('a', 9)], { ignoreFloating: true })).toEqual({ a: 'pool' });
  expect(place(room, [lvm('a', 10)], { ignoreFloating: true })).toBeUndefined();
});

test('volumes fit exactly when some way to place them exists', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
  const groups = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(groups, sizes, fc.constantFrom('binpack', 'spread'), (groups, sizes, strategy) => {
      const room = roomOf(
        'n1',
        groups.map((size, i) => group(`g${i}`, size)),
      );
      const placed = place(
        room,
        sizes.map((size, i) => lvm(`v${i}`, size)),
        { strategy },
      );
      expect(placed !== undefined).toBe(someWay(groups, sizes));
    }),
    { numRuns: 500 },
  );
});

function someWay(groups: readonly number[], [size, ...rest]: readonly number[]): boolean {
  if (size === undefined) return true;
  return groups.some((room, i) => room >= size && someWay(groups.with(i, room - size), rest));
}
