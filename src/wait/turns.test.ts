import { expect, test } from 'vitest';
import { inTurns } from './turns.ts';

test('all are looked at, so many without a break, and what else is to be done comes in between', async () => {
  const done: (number | string)[] = [];
  setImmediate(() => done.push('else'));
  expect(await inTurns([1, 2, 3, 4, 5], 2, (one) => done.push(one))).toBe(true);
  expect(done).toEqual([1, 2, 'else', 3, 4, 5]);
});

test('once aborted it ends in the next break', async () => {
  const ending = new AbortController();
  const done: number[] = [];
  const look = (one: number): void => {
    done.push(one);
    if (one === 3) ending.abort();
  };
  expect(await inTurns([1, 2, 3, 4, 5], 2, look, ending.signal)).toBe(false);
  expect(done).toEqual([1, 2, 3, 4]);
});
