import { expect, test } from 'vitest';
import { createFakeRun, exits, type Reply } from '../exec/fake-run.ts';
import { run as runProgram } from '../exec/run.ts';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import { eraseDevice, type ErasePolicy } from './erase.ts';

const never = new AbortController().signal;
const device = { path: '/dev/g/v', size: bytes(1000 * GIB) };
const says = (stderr: string) => exits(['blkdiscard'], 1, `blkdiscard: /dev/g/v: ${stderr}`);
const erase = async (policy: ErasePolicy, reply: Reply = '') => {
  const { run, calls } = createFakeRun(() => reply);
  await eraseDevice(device, policy, run, never);
  return calls.map((argv) => argv.join(' '));
};

test.each<[ErasePolicy, string[]]>([
  ['zero', ['blkdiscard --zeroout -- /dev/g/v']],
  ['discard', ['blkdiscard -- /dev/g/v']],
  ['keep', []],
])('%s', async (policy, want) => {
  expect(await erase(policy)).toEqual(want);
});

test('of a device whose head alone is to be erased the rest is left', async () => {
  const { run, calls } = createFakeRun(() => '');
  await eraseDevice({ ...device, head: bytes(MIB) }, 'zero', run, never);
  expect(calls.map((argv) => argv.join(' '))).toEqual(['blkdiscard --zeroout --length 1048576 -- /dev/g/v']);
});

test('erasing that is ended says why it was ended', async () => {
  const reason = new Error('the agent ends');
  const ending = new AbortController();
  const { run } = createFakeRun(() => {
    ending.abort(reason);
    return '';
  });
  await expect(eraseDevice(device, 'zero', run, ending.signal)).rejects.toBe(reason);
});

test('a large device has the time it needs', async () => {
  const timeouts: number[] = [];
  await eraseDevice(
    device,
    'zero',
    (_, { timeoutMs }) => {
      timeouts.push(timeoutMs);
      return Promise.resolve({ stdout: '', stderr: '' });
    },
    never,
  );
  expect(timeouts[0]).toBeCloseTo(600_000 + (1000 * 1024 * 1000) / 5); // at 5 MiB/s, and ten minutes besides
});

test('a device of 12 TB has its time, which is longer than a timer of Node can wait', async () => {
  const slow = ['sleep', '0.2'];
  const large = { path: '/dev/g/v', size: bytes(12e12) };
  const erased = eraseDevice(large, 'zero', (_, options, signal) => runProgram(slow, options, signal), never);
  await expect(erased).resolves.toBeUndefined();
});

test('a disk that cannot discard keeps its bytes with `discard`, since that is what was asked', async () => {
  const cannot = says('BLKDISCARD ioctl failed: Operation not supported');
  await expect(erase('discard', cannot)).resolves.toHaveLength(1);
  await expect(erase('zero', cannot)).rejects.toMatchObject({ kind: 'unavailable' });
});

test.each([
  ['held', 'Device or resource busy', 'precondition'],
  ['broken', 'BLKZEROOUT ioctl failed: Input/output error', 'unavailable'],
])('a device that is %s is told', async (_, stderr, kind) => {
  await expect(erase('zero', says(stderr))).rejects.toMatchObject({
    kind,
    message: expect.stringContaining('/dev/g/v could not be erased') as string,
  });
});
