import { present } from '../model/present.ts';
import { expect, test } from 'vitest';
import type { BlockDevice } from './disks.ts';
import { standingOn } from './stack.ts';

const device = (name: string, holders: readonly string[] = [], disk?: string) =>
  ({ name, holders, ...present({ disk }) }) as unknown as BlockDevice;

/** sda has a partition in an array with sdb; a logical volume on that array is under a loop device with a partition. */
const stack = [
  device('sda'),
  device('sda1', ['md0'], 'sda'),
  device('sdb', ['md0']),
  device('sdc', ['dm-9']),
  device('md0', ['dm-0']),
  device('dm-0', ['loop0']),
  device('dm-9'),
  device('loop0'),
  device('loop0p1', [], 'loop0'),
];

test.each([
  [['sda'], ['sda', 'sda1', 'md0', 'dm-0', 'loop0', 'loop0p1']],
  [['sdb'], ['sdb', 'md0', 'dm-0', 'loop0', 'loop0p1']],
  [['dm-0'], ['dm-0', 'loop0', 'loop0p1']],
  [
    ['sdc', 'loop0'],
    ['sdc', 'dm-9', 'loop0', 'loop0p1'],
  ],
  [[], []],
])('on %o stand %o', (bases, want) => {
  expect(
    [
      ...standingOn(
        bases.map((name) => ({ name })),
        stack,
      ),
    ].toSorted(),
  ).toEqual(want.toSorted());
});

test('devices that hold each other end the search', () => {
  const circle = [device('a', ['b']), device('b', ['a'])];
  expect([...standingOn([{ name: 'a' }], circle)].toSorted()).toEqual(['a', 'b']);
});
