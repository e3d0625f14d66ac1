import { expect, test } from 'vitest';
import { createAges } from './hold-ages.ts';

test('an age counts from the first look on, and anew after a break', () => {
  const look = createAges();
  expect(look(['a'], 1000)).toEqual([0]);
  expect(look(['a', 'b'], 4000)).toEqual([3000, 0]);
  expect(look(['b'], 5000)).toEqual([1000]);
  expect(look(['a', 'b'], 9000)).toEqual([0, 5000]);
});
