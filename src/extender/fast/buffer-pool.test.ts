import { expect, test } from 'vitest';
import { createBufferPool } from './buffer-pool.ts';

test('gives a returned buffer to the next who needs no more than it has', () => {
  const pool = createBufferPool(1024 * 1024);
  const buffer = pool.take(100_000);
  expect(buffer.length).toBeGreaterThanOrEqual(100_000);
  pool.give(buffer);
  expect(pool.take(200_000)).not.toBe(buffer);
  expect(pool.take(90_000)).toBe(buffer);
  expect(pool.take(90_000)).not.toBe(buffer);
});

test('takes the smallest that will do', () => {
  const pool = createBufferPool(1024 * 1024);
  const [large, small] = [pool.take(200_000), pool.take(20_000)];
  pool.give(large);
  pool.give(small);
  expect(pool.take(10_000)).toBe(small);
});

test('keeps no more than it may', () => {
  const pool = createBufferPool(100_000);
  const [kept, dropped] = [pool.take(60_000), pool.take(60_000)];
  pool.give(kept);
  pool.give(dropped);
  expect(pool.take(1)).toBe(kept);
  expect(pool.take(1)).not.toBe(dropped);
});

test('notices what is given back twice, before two callers write over each other', () => {
  const pool = createBufferPool(1024 * 1024);
  const buffer = pool.take(1);
  pool.give(buffer);
  expect(() => pool.give(buffer)).toThrow('twice');
});
