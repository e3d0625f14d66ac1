import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../../src/wait/fake-clock.ts';
import { SchedulingQueue } from './queue.ts';

let clock: FakeClock;
let end: AbortController;
let queue: SchedulingQueue;
beforeEach(() => {
  clock = createFakeClock();
  end = new AbortController();
  queue = new SchedulingQueue(clock, end.signal);
});
afterEach(() => end.abort());

/** Pods that `take` has returned so far, in order. */
function taking(): string[] {
  const taken: string[] = [];
  void (async () => {
    for (;;) taken.push(await queue.take());
  })().catch(() => undefined);
  return taken;
}

test('pods are taken in the order they came, each once', async () => {
  const taken = taking();
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  await clock.advance(0);
  expect(taken).toEqual(['a', 'b', 'c']);
});

test('a refused pod waits for a change, and for the end of its rest', async () => {
  const taken = taking();
  queue.add('a');
  await clock.advance(0);
  queue.refuse('a', { retry: false });
  await clock.advance(60_000);
  expect(taken).toEqual(['a']);

  queue.change();
  await clock.advance(0);
  expect(taken).toEqual(['a', 'a']);

  queue.refuse('a', { retry: false });
  queue.change();
  await clock.advance(1999);
  expect(taken).toHaveLength(2);
  await clock.advance(1);
  expect(taken).toHaveLength(3);
});

test('a change while the pod is being scheduled counts', async () => {
  const taken = taking();
  queue.add('a');
  await clock.advance(0);
  queue.change();
  queue.refuse('a', { retry: false });
  await clock.advance(1000);
  expect(taken).toEqual(['a', 'a']);
});

test('after an error the pod comes back by itself, later each time, at most every 10 s', async () => {
  const taken = taking();
  queue.add('a');
  await clock.advance(0);
  for (const ms of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
    const before = taken.length;
    queue.refuse('a', { retry: true });
    await clock.advance(ms - 1);
    expect(taken).toHaveLength(before);
    await clock.advance(1);
    expect(taken).toHaveLength(before + 1);
  }
});

test('a forgotten pod does not come back', async () => {
  const taken = taking();
  queue.add('a');
  queue.add('b');
  queue.forget('b');
  await clock.advance(0);
  queue.refuse('a', { retry: true });
  queue.forget('a');
  await clock.advance(60_000);
  expect(taken).toEqual(['a']);
});

test('take ends with the signal', async () => {
  const taken = queue.take();
  end.abort(new Error('over'));
  await expect(taken).rejects.toThrow('over');
});
