import { expect, test } from 'vitest';
import { readPath } from './json-path.ts';

const object = {
  a: { b: [{ c: 1 }, { c: 2, d: 'x' }], 'e.f': 3, 'g/h': 4 },
  conditions: [
    { type: 'Full', status: 'False' },
    { type: 'Ready', status: 'True' },
  ],
};

test.each([
  ['.a.b[1].c', 2],
  ['.a.b[*].c', 1],
  ['.a.b[7].c', undefined],
  ['.a.nope.c', undefined],
  ['.a["e.f"]', 3],
  [String.raw`.a.e\.f`, 3],
  ['.a.g/h', 4],
  ['.conditions[?(@.type=="Ready")].status', 'True'],
  [".conditions[?(@.type == 'Full')].status", 'False'],
  ['.conditions[?(@.type=="Other")].status', undefined],
  ['.constructor', undefined],
])('%s reads %j', (path, expected) => {
  expect(readPath(object, path)).toBe(expected);
});
