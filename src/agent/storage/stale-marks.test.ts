import { expect, test } from 'vitest';
import { newDeviceMark } from '../../lvm/device-mark.ts';
import { createCutTries } from './stale-marks.ts';

test('a try of an earlier start of the machine is over', () => {
  expect(createCutTries('boot-2', () => 0)(newDeviceMark('g', 'boot-1'))).toBe(true);
});

test('a try of this start is over once its mark has been seen for a quarter of an hour', () => {
  let now = 5;
  const isOver = createCutTries('boot-1', () => now);
  const [one, other] = [newDeviceMark('g', 'boot-1'), newDeviceMark('g', 'boot-1')];
  expect(isOver(one)).toBe(false);
  now += 899_999;
  expect([isOver(one), isOver(other)]).toEqual([false, false]);
  now += 1;
  expect([isOver(one), isOver(other)]).toEqual([true, false]);
});
