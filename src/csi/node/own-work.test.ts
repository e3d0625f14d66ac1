import { expect, test } from 'vitest';
import { createOwnWork } from './own-work.ts';

const never = new AbortController().signal;

test('work goes on when its caller has given up, and the next caller waits for it', async () => {
  const own = createOwnWork(never);
  const [started, finish] = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<void>()];
  const done: string[] = [];
  const caller = new AbortController();
  const first = own.run(
    'v1',
    async (signal) => {
      started.resolve(signal);
      await finish.promise;
      done.push('first');
    },
    caller.signal,
  );
  const signal = await started.promise;
  caller.abort(new Error('too late'));
  await expect(first).rejects.toThrow('too late');
  expect([signal.aborted, done]).toEqual([false, []]);

  const second = own.run('v1', () => Promise.resolve(void done.push('second')), never);
  await own.run('v2', () => Promise.resolve(void done.push('other')), never);
  finish.resolve();
  await second;
  expect(done).toEqual(['other', 'first', 'second']);
});

test('a caller that gives up while it waits begins nothing', async () => {
  const own = createOwnWork(never);
  const finish = Promise.withResolvers<void>();
  const first = own.run('v1', () => finish.promise, never);
  const caller = new AbortController();
  let begun = false;
  const second = own.run('v1', () => Promise.resolve((begun = true)), caller.signal);
  caller.abort(new Error('too late'));
  await expect(second).rejects.toThrow('too late');
  finish.resolve();
  await first;
  expect(begun).toBe(false);
});

test('work that fails tells its caller, and the next one begins anew', async () => {
  const own = createOwnWork(never);
  await expect(own.run('v1', () => Promise.reject(new Error('cut')), never)).rejects.toThrow('cut');
  expect(await own.run('v1', () => Promise.resolve(2), never)).toBe(2);
});

test('the end of the program ends the work', async () => {
  const life = new AbortController();
  const own = createOwnWork(life.signal);
  const work = own.run(
    'v1',
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    never,
  );
  life.abort(new Error('the end'));
  await expect(work).rejects.toThrow('the end');
});

test('the end of all work is waited for, also of work that fails or whose caller has left', async () => {
  const own = createOwnWork(never);
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const caller = new AbortController();
  const left = own.run('v1', () => first.promise, caller.signal);
  const failing = own.run('v2', () => second.promise, never);
  caller.abort(new Error('too late'));
  await expect(left).rejects.toThrow('too late');
  const done: string[] = [];
  const ended = own.ended().then(() => done.push('ended'));
  second.reject(new Error('cut'));
  await expect(failing).rejects.toThrow('cut');
  expect(done).toEqual([]);
  first.resolve();
  await ended;
  await own.ended();
});
