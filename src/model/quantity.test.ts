import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes } from './bytes.ts';
import { formatQuantity, parseQuantity, parseWholeQuantity } from './quantity.ts';

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

test.each([
  ['10', 10],
  ['1.5Ki', 1536],
  ['1000m', 1],
  ['1e3', 1000],
])('%s is a whole number', (text, want) => {
  expect(parseWholeQuantity(text)).toBe(want);
});

test.each([
  ['10m', '"10m" is not a whole number; did you mean 10M?'],
  ['0.5', '"0.5" is not a whole number'],
  ['3u', '"3u" is not a whole number'],
  ['2K', '"2K" is not a quantity such as 10Gi; did you mean 2k?'],
  ['5gb', '"5gb" is not a quantity such as 10Gi; did you mean 5G?'],
  ['5 GiB', '"5 GiB" is not a quantity such as 10Gi; did you mean 5Gi?'],
])('%s is told with what was meant', (text, message) => {
  expect(() => parseWholeQuantity(text)).toThrow(expect.objectContaining({ kind: 'invalid', message }));
});

test('the largest number of bytes that can be counted is no error', () => {
  expect(parseQuantity('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => parseQuantity('9007199254740992')).toThrow('8 PiB or more');
});
