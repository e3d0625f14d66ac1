import { expect, test } from 'vitest';
import { compareVersions } from './resource-version.ts';

const sign = (n: number | undefined): number | undefined => n && Math.sign(n);

test.each([
  ['7', '7', 0],
  ['9', '10', -1],
  ['12', '11', 1],
  ['99999999999999999999', '100000000000000000000', -1],
  ['', '5', undefined],
  ['0', '5', undefined],
  ['a', 'b', undefined],
])('%s against %s', (a, b, want) => {
  expect(sign(compareVersions(a, b))).toBe(want);
  expect(sign(compareVersions(b, a))).toBe(want && -want);
});
