import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { follow, whenAborted } from './abort.ts';
import { withClockDeadline, withDeadline } from './deadline.ts';
import { createFakeClock } from './fake-clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const tooLate = new Error('too late');
const late = (): Error => tooLate;
/** A call that ends only by its signal. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  whenAborted(signal).then(() => Promise.reject(signal.reason as Error));

test('a call in time gives its value and leaves neither timer nor listener behind', async () => {
  const { signal } = new AbortController();
  const costly = vi.fn<() => Error>(late);
  expect(await withDeadline({ ms: 1000, late: costly }, signal, () => Promise.resolve(7))).toBe(7);
  expect(costly).not.toHaveBeenCalled();
  await expect(withDeadline({ ms: 1000, late }, signal, () => Promise.reject(new Error('oh')))).rejects.toThrow('oh');
  expect(vi.getTimerCount()).toBe(0);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('a call that is late is aborted with the given error', async () => {
  const outcome = withDeadline({ ms: 1000, late }, new AbortController().signal, untilAborted);
  const settled = Promise.allSettled([outcome]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await settled).toEqual([{ status: 'rejected', reason: tooLate }]);
});

test('an abort reaches the call with its reason', async () => {
  const controller = new AbortController();
  const outcome = withDeadline({ ms: 1000, late }, controller.signal, untilAborted);
  const reason = new Error('stopping');
  controller.abort(reason);
  await expect(outcome).rejects.toBe(reason);
  expect(follow(controller.signal).signal.reason).toBe(reason);
});

test('by a clock of its own; a call that does not heed its signal is left behind', async () => {
  const clock = createFakeClock();
  const { signal } = new AbortController();
  const outcome = withClockDeadline({ ms: 1000, clock }, signal, () => new Promise(() => {}));
  const settled = Promise.allSettled([outcome]);
  await clock.advance(1000);
  expect(await settled).toEqual([{ status: 'rejected', reason: new Error('no answer within 1000 ms') }]);
  expect(await withClockDeadline({ ms: 1000, clock }, signal, () => Promise.resolve(7))).toBe(7);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
