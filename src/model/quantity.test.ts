import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes } from './bytes.ts';
import { formatQuantity, parseQuantity } from './quantity.ts';

test.each([
  ['0', 0],
  ['10Gi', 10 * 1024 ** 3],
  ['1.5Gi', 1.5 * 1024 ** 3],
  ['1e3', 1000],
  ['1E3', 1000],
  ['5G', 5e9],
  ['500m', 1],
  ['1500m', 2],
  ['.5Ki', 512],
  ['+1k', 1000],
  ['1e-1', 1],
  [' 3Mi ', 3 * 1024 ** 2],
])('%s', (text, want) => {
  expect(parseQuantity(text)).toBe(want);
});

test.each(['2E', '8Pi', '1e30'])('%s is more than can be counted exactly', (text) => {
  expect(() => parseQuantity(text)).toThrow('8 PiB or more');
});

test.each(['', 'Gi', '1GiB', '-1Gi', '1 Gi', '0x10', '1e', '1..2', '1Kib', 'ten'])(
  '"%s" is refused by name',
  (text) => {
    expect(() => parseQuantity(text)).toThrow(`"${text}" is not a quantity`);
  },
);

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (n) => {
      expect(parseQuantity(formatQuantity(bytes(n)))).toBe(n);
    }),
  );
  expect(formatQuantity(bytes(10 * 1024 ** 3))).toBe('10Gi');
});
