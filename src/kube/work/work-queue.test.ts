import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ApiError } from '../errors.ts';
import { createFakeClock } from '../../wait/fake-clock.ts';
import type { Log } from '../../model/log.ts';
import { createWorkQueue, type Again, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';

/** A queue whose runs last until the test ends them. */
function createRig(options: Partial<WorkQueueOptions> = {}) {
  const clock = createFakeClock();
  const started: string[] = [];
  const running = new Map<string, PromiseWithResolvers<Again | void>>();
  const logged: string[] = [];
  const log: Log = {
    debug: () => logged.push('debug'),
    info: () => logged.push('info'),
    warn: () => logged.push('warn'),
    error: () => logged.push('error'),
  };
  const queue: WorkQueue = createWorkQueue({
    reconcile: (key) => {
      expect(running.has(key), `${key} is worked on twice at a time`).toBe(false);
      started.push(key);
      const run = Promise.withResolvers<Again | void>();
      running.set(key, run);
      return run.promise;
    },
    name: 'test',
    log,
    clock,
    random: () => 0,
    backoff: { baseMs: 200, maxMs: 1000 },
    ...options,
  });
  const stop = new AbortController();
  const end = async (key: string, act: (run: PromiseWithResolvers<Again | void>) => void): Promise<void> => {
    const run = running.get(key);
    running.delete(key);
    if (!run) throw new Error(`${key} is not running`);
    act(run);
    await setImmediate();
  };
  return {
    clock,
    queue,
    started,
    logged,
    stop,
    succeed: (key: string, again?: Again) => end(key, ({ resolve }) => resolve(again)),
    fail: (key: string, error: unknown = new Error('oh')) => end(key, ({ reject }) => reject(error)),
  };
}

test('keys wait for run, once each, and are worked on one after another in order', async () => {
  const { queue, started, stop, succeed } = createRig();
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  expect(started).toEqual([]);
  const ended = queue.run(stop.signal);
  expect(started).toEqual(['a']);
  expect(queue.stats()).toEqual({ waiting: 2, running: 1, delayed: 0, failing: 0 });
  await succeed('a');
  expect(started).toEqual(['a', 'b']);
  await succeed('b');
  await succeed('c');
  expect(started).toEqual(['a', 'b', 'c']);
  stop.abort();
  await ended;
});

test('as many keys at a time as allowed, never one twice; added while running it runs once more', async () => {
  const { queue, started, stop, succeed } = createRig({ concurrency: 2 });
  const ended = queue.run(stop.signal);
  for (const key of ['a', 'b', 'c', 'a', 'a']) queue.add(key);
  expect(started).toEqual(['a', 'b']);
  await succeed('a');
  expect(started).toEqual(['a', 'b', 'c']);
  await succeed('b');
  expect(started).toEqual(['a', 'b', 'c', 'a']);
  await succeed('a');
  await succeed('c');
  expect(started).toHaveLength(4);
  expect(queue.stats()).toEqual({ waiting: 0, running: 0, delayed: 0, failing: 0 });
  stop.abort();
  await ended;
});

test('a key that fails comes back later and later; a success forgets the failures', async () => {
  const { clock, queue, started, stop, fail, succeed, logged } = createRig();
  const ended = queue.run(stop.signal);
  queue.add('a');
  for (const waitMs of [100, 200, 400, 500, 500]) {
    await fail('a');
    expect(await clock.untilAsleep()).toBe(waitMs);
    expect(queue.stats()).toMatchObject({ delayed: 1, failing: 1 });
    await clock.advance(waitMs);
  }
  await succeed('a');
  expect(queue.stats()).toMatchObject({ delayed: 0, failing: 0 });
  queue.add('a');
  await fail('a');
  expect(await clock.untilAsleep()).toBe(100);
  expect(started).toHaveLength(7);
  expect(logged).toEqual(Array.from({ length: 6 }, () => 'warn'));
  stop.abort();
  await ended;
});

test('the wait that the server asked for is honoured, and a conflict is no news', async () => {
  const { clock, queue, stop, fail, logged } = createRig();
  const ended = queue.run(stop.signal);
  queue.add('a');
  await fail('a', new ApiError({ code: 429, reason: 'TooManyRequests', message: '', retryAfterMs: 7000 }));
  expect(await clock.untilAsleep()).toBe(7000);
  await clock.advance(7000);
  await fail('a', new ApiError({ code: 409, reason: 'Conflict', message: '' }));
  expect(logged).toEqual(['warn', 'debug']);
  stop.abort();
  await ended;
});

test('one key that fails holds no other one up', async () => {
  const { queue, started, stop, fail } = createRig();
  const ended = queue.run(stop.signal);
  queue.add('bad');
  queue.add('good');
  await fail('bad');
  expect(started).toEqual(['bad', 'good']);
  stop.abort();
  queue.add('late');
  await fail('good');
  await ended;
  expect(started).toEqual(['bad', 'good']);
});

test('a run may ask to come again; of two delays the shorter counts, and the key is added once', async () => {
  const { clock, queue, started, stop, succeed } = createRig();
  const ended = queue.run(stop.signal);
  queue.addAfter('a', 50);
  queue.addAfter('a', 30);
  queue.addAfter('a', 40);
  await clock.advance(29);
  expect(started).toEqual([]);
  await clock.advance(1);
  expect(started).toEqual(['a']);
  await succeed('a', { afterMs: 1000 });
  await clock.advance(999);
  expect(started).toEqual(['a']);
  await clock.advance(1);
  expect(started).toEqual(['a', 'a']);
  await succeed('a');
  await clock.advance(100_000);
  expect(started).toHaveLength(2);
  stop.abort();
  await ended;
});

test('stopping waits for the work in hand, tells it, starts no other and drops the delays', async () => {
  let told: AbortSignal | undefined;
  const hold = Promise.withResolvers<void>();
  const { queue, stop } = createRig({
    reconcile: (_, signal) => {
      told = signal;
      return hold.promise;
    },
  });
  let isEnded = false;
  const ended = queue.run(stop.signal).then(() => (isEnded = true));
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 10);
  stop.abort();
  await setImmediate();
  expect({ isEnded, aborted: told?.aborted }).toEqual({ isEnded: false, aborted: true });
  hold.reject(new Error('stopped half-way'));
  await ended;
  queue.addAfter('d', 1);
  expect(queue.stats()).toEqual({ waiting: 1, running: 0, delayed: 0, failing: 0 });
});

test('work that adds keys itself, its own too, is not started twice', async () => {
  const started: string[] = [];
  const hold = Promise.withResolvers<void>();
  const { queue, stop } = createRig({
    concurrency: 9,
    reconcile: async (key) => {
      started.push(key);
      if (started.length === 1) for (const more of ['a', 'b']) queue.add(more);
      await hold.promise;
    },
  });
  const ended = queue.run(stop.signal);
  queue.add('a');
  expect(started).toEqual(['a', 'b']);
  hold.resolve();
  await setImmediate();
  expect(started).toEqual(['a', 'b', 'a']);
  stop.abort();
  await ended;
});

test('keys of one place keep none of another waiting', async () => {
  const places: Record<string, string> = { a1: 'a', a2: 'a', a3: 'a', b1: 'b', b2: 'b', b3: 'b' };
  const { queue, started, stop, succeed } = createRig({ concurrency: 2, placeOf: (key) => places[key] ?? '' });
  const ended = queue.run(stop.signal);
  for (const key of Object.keys(places)) queue.add(key);
  expect(started).toEqual(['a1', 'a2', 'b1', 'b2']);
  expect(queue.stats()).toMatchObject({ waiting: 2, running: 4 });
  places['a1'] = 'b'; // it is told otherwise while it is worked on
  queue.add('a1');
  await succeed('a1');
  expect(started.slice(4)).toEqual(['a3']);
  for (const key of ['b1', 'b2']) await succeed(key);
  expect(started.slice(5)).toEqual(['b3', 'a1']);
  expect(queue.stats()).toMatchObject({ waiting: 0, running: 4 });
  stop.abort();
  for (const key of ['a1', 'a2', 'a3', 'b3']) await succeed(key);
  await ended;
});
