import { expect, test } from 'vitest';
import { createGathering } from './gathering.ts';

test('a report waits half a second, four times as long as the last look took, or three seconds', () => {
  const gathering = createGathering();
  const waits = [0, 125, 126, 600, 750, 60_000, 10].map((ms) => {
    gathering.took(ms);
    return gathering.waitMs();
  });
  expect(createGathering().waitMs()).toBe(500);
  expect(waits).toEqual([500, 500, 504, 2400, 3000, 3000, 500]);
});
