import { expect, test } from 'vitest';
import { parseCapacityRange } from './capacity-range.ts';

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

test('sizes are taken up to the largest number that is exact, 8 PiB less a byte', () => {
  expect(parseCapacityRange({ requiredBytes: LARGEST, limitBytes: 0n })).toEqual({ required: Number(LARGEST) });
  expect(() => parseCapacityRange({ requiredBytes: LARGEST + 1n, limitBytes: 0n })).toThrow(/8 PiB or more/);
});
