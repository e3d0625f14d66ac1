import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KeyedMutex } from './keyed-mutex.ts';

const never = new AbortController().signal;

test('the same key runs one after another in order, another key beside it', async () => {
  const mutex = new KeyedMutex();
  const events: string[] = [];
  const task = (name: string) => async () => {
    events.push(`${name} in`);
    await turn();
    events.push(`${name} out`);
  };
  await Promise.all([
    mutex.run('k', task('a'), never),
    mutex.run('k', task('b'), never),
    mutex.run('other', task('c'), never),
  ]);
  expect(events.filter((event) => !event.startsWith('c'))).toEqual(['a in', 'a out', 'b in', 'b out']);
  expect(events.indexOf('c in')).toBeLessThan(events.indexOf('a out'));
});

test('a task that throws lets the next one run, and its error out', async () => {
  const mutex = new KeyedMutex();
  const first = mutex.run('k', () => Promise.reject(new Error('boom')), never);
  const second = mutex.run('k', async () => 'fine', never);
  await expect(first).rejects.toThrow('boom');
  expect(await second).toBe('fine');
});

test('one that gives up waiting leaves at once, and the one behind it still waits for the one before', async () => {
  const mutex = new KeyedMutex();
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const impatient = new AbortController();
  const first = mutex.run('k', () => gate.promise.then(() => events.push('first')), never);
  const second = mutex.run('k', async () => events.push('second'), impatient.signal);
  const third = mutex.run('k', async () => events.push('third'), never);
  impatient.abort(new Error('deadline'));
  await expect(second).rejects.toThrow('deadline');
  expect(mutex.isBusy('k')).toBe(true);
  gate.resolve();
  await Promise.all([first, third]);
  expect(events).toEqual(['first', 'third']);
});

test('nothing is kept of a key that nobody uses', async () => {
  const mutex = new KeyedMutex();
  await mutex.run('k', async () => undefined, never);
  await turn();
  expect(mutex.isBusy('k')).toBe(false);
});

test('tasks with several keys in common run one after another, in whatever order they name them', async () => {
  const mutex = new KeyedMutex();
  const events: string[] = [];
  const task = (name: string) => async () => {
    events.push(`${name} in`);
    await turn();
    events.push(`${name} out`);
  };
  await Promise.all([
    mutex.runAll(['a', 'b', 'a'], task('first'), never),
    mutex.runAll(['b', 'a'], task('second'), never),
    mutex.run('b', task('third'), never),
    mutex.runAll([], task('free'), never),
  ]);
  const ordered = events.filter((event) => !event.startsWith('free'));
  expect(ordered.filter((_, at) => at % 2 === 0).map((event) => event.replace(' in', ' out'))).toEqual(
    ordered.filter((_, at) => at % 2 === 1),
  );
  expect(ordered).toHaveLength(6);
});
