import { expect, test } from 'vitest';
import { CommandFailed } from '../exec/command-failed.ts';
import { parseFill, readFill } from './fill.ts';

const never = new AbortController().signal;

test.each([
  [
    'data-snap',
    '16/24576 16',
    { vgName: 'data', name: 'snap', usedBytes: 8192, storeBytes: 12582912, overflowed: false },
  ],
  ['open--local--pool-snap--1', '8/16 8', { vgName: 'open-local-pool', name: 'snap-1', overflowed: false }],
  ['g-s', 'Invalid', { vgName: 'g', name: 's', usedBytes: 0, overflowed: true }],
  ['g-s', 'Overflow', { overflowed: true }],
  ['g-s', 'Merge failed', { overflowed: true }],
  ['g-s', 'Unknown', { overflowed: false }],
])('%s with the state "%s"', (device, state, want) => {
  expect(parseFill(`${device}: 0 81920 snapshot ${state}\n`)).toMatchObject([want]);
});

test('what is no snapshot, and no device of lvm, is passed over', () => {
  const lines = [
    'No devices found',
    'data-a: 0 8 linear ',
    'data-a: 0 8 snapshot-origin 253:1',
    'disk: 0 8 snapshot 1/2 1',
  ];
  expect(parseFill(`${lines.join('\n')}\ndata-s: 0 8 snapshot 1/2 1\n`)).toMatchObject([{ name: 's' }]);
});

test('a machine without device-mapper is a fault that says so', async () => {
  const argv = ['dmsetup', 'status', '--target', 'snapshot'];
  const ending = { argv, exitCode: 1, signal: undefined, stdout: '', stderr: 'Is device-mapper driver missing?' };
  const failed = readFill(() => Promise.reject(new CommandFailed(ending, 'failed')), never);
  await expect(failed).rejects.toMatchObject({ name: 'Fault', kind: 'unavailable' });
});
