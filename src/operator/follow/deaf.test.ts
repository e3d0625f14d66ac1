import { expect, test } from 'vitest';
import { deafTo } from './deaf.ts';

const well = { synced: true, failures: 0, lastError: undefined, handlerErrors: 0, lists: 1, silentMs: 60_000 };

test('a kind that may not be followed, or of which nothing is told, is not heard of', () => {
  expect(deafTo(well)).toBeUndefined();
  expect(deafTo({ ...well, silentMs: undefined })).toBeUndefined();
  expect(deafTo({ ...well, silentMs: 150_000 })).toMatch(/tells nothing/);
  expect(deafTo({ ...well, failures: 2, lastError: 'oh' })).toBeUndefined();
  expect(deafTo({ ...well, failures: 3, lastError: 'forbidden' })).toMatch(/\(forbidden\)/);
});
