import { expect, test } from 'vitest';
import { describeLimits } from './describe-limits.ts';

const MIB = 1024 * 1024;

test.each([
  [undefined, undefined],
  [{}, undefined],
  [{ readBps: 50 * MIB, writeBps: 50 * MIB, readIops: 1000, writeIops: 1000 }, '50Mi/s, 1000 IO/s'],
  [{ readBps: 400 * MIB, writeBps: 200 * MIB }, 'read 400Mi/s, write 200Mi/s'],
  [{ writeIops: 10 }, 'write 10 IO/s'],
])('limits %j are shown as %j', (limits, text) => {
  expect(describeLimits(limits)).toBe(text);
});
