import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { timerMs } from './timer.ts';

test('a timer is never given more ms than it can wait, nor a part of one', () => {
  expect([1, 1.2, 2 ** 31 - 1, 2 ** 31, 12e12].map(timerMs)).toEqual([1, 2, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1]);
});

test('a sleep of a month is not over at once', async () => {
  await expect(systemClock.sleep(31 * 24 * 3_600_000, AbortSignal.timeout(100))).rejects.toThrow('timeout');
});
