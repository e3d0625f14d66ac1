import { expect, test } from 'vitest';
import { isMarkedFor, isMarkedIn, newDeviceMark } from './device-mark.ts';

test('a mark is an identifier as LVM writes them, never the same twice', () => {
  const marks = Array.from({ length: 100 }, () => newDeviceMark('pool-0', 'boot-1'));
  expect(new Set(marks).size).toBe(100);
  for (const mark of marks) expect(mark).toMatch(/^[A-Za-z0-9]{6}(-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}$/);
});

test('it is known again for its own group only', () => {
  const mark = newDeviceMark('pool-0', 'boot-1');
  expect(isMarkedFor('pool-0', mark)).toBe(true);
  expect(isMarkedFor('pool-1', mark)).toBe(false);
  expect(isMarkedFor('pool-0', mark.slice(0, -1) + (mark.endsWith('A') ? 'B' : 'A'))).toBe(false);
});

test('it tells whether the machine was started since', () => {
  const mark = newDeviceMark('pool-0', 'boot-1');
  expect([isMarkedIn('boot-1', mark), isMarkedIn('boot-2', mark)]).toEqual([true, false]);
});

test.each(['', 'lYY4ub-yKbB-ZGSg-Y0RU-4aF4-l0vM-LZ5Yyo', 'too-short'])(
  "somebody else's identifier %j is not ours",
  (uuid) => {
    expect(isMarkedFor('pool-0', uuid)).toBe(false);
  },
);
