import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, formatMissing, formatBytes, GIB, MIB, minus, plus, roundDown, roundUp } from './bytes.ts';

test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53])('%d is not a byte count', (n) => {
  expect(() => bytes(n)).toThrow(`not a byte count: ${n}`);
});

test('a bigint from the wire is taken whole, or refused', () => {
  expect(bytes(1n << 40n)).toBe(2 ** 40);
  expect(() => bytes(1n << 60n)).toThrow(RangeError);
});

test('an over-committed group has no room, not negative room', () => {
  expect(minus(bytes(3), bytes(5))).toBe(0);
});

test('a sum that a double cannot hold is refused', () => {
  expect(() => plus(bytes(Number.MAX_SAFE_INTEGER), bytes(1))).toThrow(RangeError);
});

test('rounding brackets the size by less than an extent', () => {
  const size = fc.integer({ min: 0, max: 2 ** 45 });
  const extent = fc.integer({ min: 1, max: 2 ** 32 });
  fc.assert(
    fc.property(size, extent, (size, extent) => {
      const up = roundUp(bytes(size), bytes(extent));
      const down = roundDown(bytes(size), bytes(extent));
      expect(up % extent).toBe(0);
      expect(down % extent).toBe(0);
      expect(up - size).toBeLessThan(extent);
      expect(size - down).toBeLessThan(extent);
      expect(up).toBeGreaterThanOrEqual(size);
      expect(down).toBeLessThanOrEqual(size);
    }),
  );
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [GIB, '1 GiB'],
  [2 * GIB - 1, '1.9 GiB'],
  [5 * MIB + 512 * 1024, '5.5 MiB'],
])('%d bytes read %s: free room is never overstated', (n, text) => {
  expect(formatBytes(bytes(n))).toBe(text);
});

test.each([
  [GIB, '1 GiB'],
  [2 * GIB + 1, '2.1 GiB'],
  [MIB - 1, '1024 KiB'],
])('%d missing bytes read %s: what is missing is never understated', (n, text) => {
  expect(formatMissing(bytes(n))).toBe(text);
});
