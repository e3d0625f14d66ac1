import { expect, test } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import { valuesAt } from './field-path.ts';

const object = {
  metadata: { labels: { 'a.b/c': 'x' } },
  list: [
    { type: 'Ready', status: 'True', items: [1, 2] },
    { type: 'VolumeGroup/pool-0', status: 'False', items: [3] },
  ],
  zero: 0,
  none: null,
};

test.each([
  ['zero', [0]],
  ['none', []],
  ['missing.deeper', []],
  ['zero.deeper', []],
  ['metadata.labels["a.b/c"]', ['x']],
  ['list[0].type', ['Ready']],
  ['list[7].type', []],
  ['list[*].items[*]', [1, 2, 3]],
  ['list[type=Ready].status', ['True']],
  ['list[type=VolumeGroup/pool-0].status', ['False']],
  ['list[type=Other].status', []],
])('%s', (path, want) => {
  expect(valuesAt(object, path)).toEqual(want);
});

test.each(['list[', 'a..b', 'a b', 'list[-1]'])('%j is refused, naming the path', (path) => {
  expect(() => valuesAt(object, path)).toThrow(Fault);
  expect(() => valuesAt(object, path)).toThrow(path);
});
