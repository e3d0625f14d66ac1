import { expect, test } from 'vitest';
import { longestGap } from './plain-pods.ts';

test('the longest time without a placement counts, the time before the first one too', () => {
  expect(longestGap(0, [900, 100, 300])).toBe(600);
  expect(longestGap(0, [700, 800])).toBe(700);
});

test('a stream of which nothing was placed has no gap that could be small', () => {
  expect(() => longestGap(0, [])).toThrow(/no pod without volumes was ever placed/);
});
