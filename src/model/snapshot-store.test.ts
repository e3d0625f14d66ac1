import { expect, test } from 'vitest';
import { bytes, KIB, MIB } from './bytes.ts';
import { largestStore } from './snapshot-store.ts';

test.each([
  ['a volume of one chunk: its header, one list of chunks, and the chunk', 4 * KIB, 12 * KIB],
  ['a chunk that is begun counts whole', 5 * KIB, 16 * KIB],
  ['255 chunks need one list', MIB - 4 * KIB, MIB + 4 * KIB],
  ['256 chunks need a second one, which ends the first', MIB, MIB + 12 * KIB],
])('%s', (_, source, want) => {
  expect(largestStore(bytes(source))).toBe(want);
});
