import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

const backoff = { baseMs: 1000, maxMs: 30_000 };

test.each([
  [1, 0, 500],
  [1, 0.999, 1000],
  [2, 0, 1000],
  [5, 0.999, 16_000],
  [6, 0, 15_000],
  [1_000_000, 0.999, 30_000],
])('after %d failures, with luck %d', (failures, luck, want) => {
  expect(Math.round(backoffMs(failures, backoff, () => luck) / 100) * 100).toBe(want);
});
