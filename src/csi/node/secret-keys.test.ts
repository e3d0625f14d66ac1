import { expect, test } from 'vitest';
import { readKeys } from './secret-keys.ts';

test('a key of the largest size is taken, whole', () => {
  const key = 'k'.repeat(65_536);
  expect(readKeys('v', { key }, 'stage').key).toEqual(Buffer.from(key));
  expect(() => readKeys('v', { key: `${key}k` }, 'stage')).toThrow(/use at most 65536/);
});
