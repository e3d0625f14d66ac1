import { expect, test } from 'vitest';
import { settingsOf } from './io-max.ts';

const V2 = 'io.max';

test.each([
  [{}, '253:3 rbps=max wbps=max riops=max wiops=max'],
  [{ writeBps: 1_048_576 }, '253:3 rbps=max wbps=1048576 riops=max wiops=max'],
  [{ readBps: 5, writeBps: 6, readIops: 7, writeIops: 8 }, '253:3 rbps=5 wbps=6 riops=7 wiops=8'],
  [{ readBps: 1, readIops: 1 }, '253:3 rbps=2 wbps=max riops=2 wiops=max'], // the kernel refuses 1
  [{ readIops: 4_294_967_295, writeIops: 5_000_000_000 }, '253:3 rbps=max wbps=max riops=max wiops=max'],
])('v2: %j is written as %s', (limits, line) => {
  const [setting, ...more] = settingsOf(2, '253:3', limits);
  expect(setting).toMatchObject({ file: V2, line });
  expect(more).toEqual([]);
});

test.each([
  ['nothing', '', {}, true],
  ['nothing', '', { readBps: 5 }, false],
  ['another device only', '253:30 rbps=5 wbps=max riops=max wiops=max\n', { readBps: 5 }, false],
  ['it', '8:0 rbps=9 wbps=max riops=max wiops=max\n253:3 rbps=5 wbps=max riops=max wiops=max\n', { readBps: 5 }, true],
  ['a larger one', '253:3 rbps=55 wbps=max riops=max wiops=max\n', { readBps: 5 }, false],
  ['one too many', '253:3 rbps=5 wbps=7 riops=max wiops=max\n', { readBps: 5 }, false],
  ['one that is to go', '253:3 rbps=5 wbps=max riops=max wiops=max\n', {}, false],
])('v2: a file that says %s', (_, text, limits, want) => {
  expect(settingsOf(2, '253:3', limits)[0]?.holds(text)).toBe(want);
});

test('v1: a file for each limit, 0 for none', () => {
  const limits = { writeBps: 1_048_576, readIops: 1 };
  expect(settingsOf(1, '7:1', limits).map(({ file, line }) => [file, line])).toEqual([
    ['blkio.throttle.read_bps_device', '7:1 0'],
    ['blkio.throttle.write_bps_device', '7:1 1048576'],
    ['blkio.throttle.read_iops_device', '7:1 2'],
    ['blkio.throttle.write_iops_device', '7:1 0'],
  ]);
});

test.each([
  ['nothing', '', [true, false]],
  ['it', '7:0 1\n7:1 50\n', [false, true]],
  ['another', '7:1 500\n', [false, false]],
])('v1: a file that says %s', (_, text, want) => {
  const [none, limited] = settingsOf(1, '7:1', { writeBps: 50 });
  expect([none?.holds(text), limited?.holds(text)]).toEqual(want);
});
