import { expect, test } from 'vitest';
import { growthOf, type Growth } from './growth.ts';

const RULE = { by: 10, withinMs: 100 };

/** When the growth mattered, after these looks at a counter. */
const grew = (...looks: readonly (readonly [now: number, count: number])[]): number | undefined =>
  looks.reduce<Growth | undefined>((before, [now, count]) => growthOf(before, count, now, RULE), undefined)?.grewAt;

test('what was counted before the first look does not matter, however much', () => {
  expect(grew([0, 1_000_000], [1, 1_000_000])).toBeUndefined();
});

test('growth matters from the rule on, also in several steps', () => {
  expect(grew([0, 5], [10, 14])).toBeUndefined();
  expect(grew([0, 5], [10, 9], [20, 15])).toBe(20);
});

test('slow growth does not add up', () => {
  expect(grew([0, 0], [60, 6], [120, 9], [180, 15], [240, 18])).toBeUndefined();
});

test('what mattered is remembered while it grows no more, and forgotten with a counter that begins anew', () => {
  expect(grew([0, 0], [10, 10], [50, 10], [500, 11])).toBe(10);
  expect(grew([0, 0], [10, 10], [50, 2])).toBeUndefined();
});
