import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { follow, onAbort, orAborted, untilCalled, whenAborted } from './abort.ts';
import { pause } from './pause.ts';

const listeners = ({ signal }: AbortController): number => getEventListeners(signal, 'abort').length;

test('an abort calls once, also one that came before; who let go is not called', () => {
  const controller = new AbortController();
  const calls: string[] = [];
  onAbort(controller.signal, () => calls.push('waits'));
  onAbort(controller.signal, () => calls.push('let go'))();
  expect(listeners(controller)).toBe(1);
  controller.abort();
  onAbort(controller.signal, () => calls.push('late'))();
  expect(calls).toEqual(['waits', 'late']);
});

test('waiting for a promise ends with the promise, or with the signal', async () => {
  const controller = new AbortController();
  expect(await orAborted(Promise.resolve(7), controller.signal)).toBe(7);
  expect(listeners(controller)).toBe(0);
  const waiting = orAborted(new Promise(() => {}), controller.signal);
  controller.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
  await expect(orAborted(Promise.resolve(7), controller.signal)).rejects.toThrow('stopping');
});

test('waiting for a call ends the subscription, whatever ends the wait', async () => {
  const controller = new AbortController();
  const ended: string[] = [];
  const wait = (name: string, call: (resolve: (value: number) => void, reject: (error: Error) => void) => void) =>
    untilCalled<number>((resolve, reject) => {
      call(resolve, reject);
      return () => ended.push(name);
    }, controller.signal);
  expect(await wait('called', (resolve) => resolve(7))).toBe(7);
  await expect(wait('refused', (_, reject) => reject(new Error('no')))).rejects.toThrow('no');
  const waiting = wait('aborted', () => {});
  controller.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
  await expect(wait('never', () => {})).rejects.toThrow('stopping');
  expect(ended).toEqual(['called', 'refused', 'aborted']);
});

test('a follower is aborted with the signal, or alone, and lets go of it', () => {
  const controller = new AbortController();
  const alone = follow(controller.signal);
  const together = follow(controller.signal);
  alone.abort('its own reason');
  alone.release();
  expect(listeners(controller)).toBe(1);
  controller.abort('stopping');
  expect([alone, together, follow(controller.signal)].map(({ signal }) => signal.reason as unknown)).toEqual([
    'its own reason',
    'stopping',
    'stopping',
  ]);
});

test('a pause and a wait for the abort end with it', async () => {
  const controller = new AbortController();
  const waits = [whenAborted(controller.signal), pause(3_600_000, controller.signal)];
  controller.abort();
  await Promise.all([...waits, pause(3_600_000, controller.signal), whenAborted(controller.signal)]);
  expect(listeners(controller)).toBe(0);
});
