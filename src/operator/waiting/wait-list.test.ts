import { expect, test } from 'vitest';
import { WaitList } from './wait-list.ts';

/** Pods `0` … that ask for the same, if nothing else is said. */
function listOf(count: number, alike: (i: number) => string = () => 'same'): WaitList {
  const list = new WaitList();
  for (let i = 0; i < count; i += 1) {
    list.add(`${i}`, `uid-${i}`, 0);
    list.join(`${i}`, alike(i));
  }
  return list;
}

const toldOf = (list: WaitList, count: number): number =>
  Array.from({ length: count }, (_, i) => list.mayTell(`${i}`, 0)).filter(Boolean).length;

test('of ten thousand that ask for the same five are told, and the rest is counted', () => {
  const list = listOf(10_000);
  expect(toldOf(list, 10_000)).toBe(5);
  expect(list.untoldLike('0')).toBe(9995);
});

test('of ten thousand that ask for different things two hundred are told', () => {
  expect(
    toldOf(
      listOf(10_000, (i) => `${i}`),
      10_000,
    ),
  ).toBe(200);
});

test('one that waits no more makes room for another', () => {
  const list = listOf(6);
  expect(toldOf(list, 6)).toBe(5);
  expect(list.mayTell('5', 0)).toBe(false);
  list.remove('2');
  expect(list.mayTell('5', 0)).toBe(true);
  expect(list.untoldLike('5')).toBe(0);
});

test('those to whom there is nothing to say are left alone for a while', () => {
  const list = listOf(2);
  expect(list.mayTell('0', 0)).toBe(true);
  list.quiet('0', 100);
  expect([list.mayTell('0', 99), list.mayTell('1', 99), list.mayTell('1', 100)]).toEqual([false, false, true]);
});

test('a pod that asks for something else by now is counted there, and one of another uid begins anew', () => {
  const list = listOf(8);
  expect(list.join('7', 'same')).toBe(false);
  expect(list.join('7', 'other')).toBe(true);
  expect([list.untoldLike('0'), list.untoldLike('7')]).toEqual([2, 0]);
  expect([list.add('0', 'uid-0', 9), list.add('0', 'younger', 9), list.get('0')?.since]).toEqual([false, true, 9]);
  expect(list.size).toBe(8);
});
