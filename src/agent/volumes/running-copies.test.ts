import { expect, test } from 'vitest';
import { whenAborted } from '../../wait/abort.ts';
import { createRunningCopies } from './running-copies.ts';

const never = new AbortController().signal;

test('stopping a copy waits until it has ended, and is no failure of it', async () => {
  const copies = createRunningCopies();
  const order: string[] = [];
  const running = copies.run(
    'v1',
    async (signal) => {
      await whenAborted(signal);
      order.push('closed');
      throw signal.reason;
    },
    never,
  );
  expect(copies.has('v1')).toBe(true);
  await copies.stop('v1');
  order.push('stopped');
  await running;
  expect([order, copies.has('v1')]).toEqual([['closed', 'stopped'], false]);
  await copies.stop('v1'); // there is none
});

test('its own failure is told, and so is the end of the program', async () => {
  const copies = createRunningCopies();
  await expect(copies.run('v1', () => Promise.reject(new Error('no room')), never)).rejects.toThrow('no room');
  const stopping = AbortSignal.abort(new Error('stopping'));
  const copy = (signal: AbortSignal): Promise<void> => Promise.reject(signal.reason as Error);
  await expect(copies.run('v1', copy, stopping)).rejects.toThrow('stopping');
});
