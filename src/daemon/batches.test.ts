import { expect, test } from 'vitest';
import { Batches } from './batches.ts';
import { KeyedMutex } from './keyed-mutex.ts';

const never = new AbortController().signal;
const fulfilled = <T>(value: T): PromiseSettledResult<T> => ({ status: 'fulfilled', value });

/** Batches of names, of which the first of each key ends when it is told to. */
function rig(atMost = 10) {
  const locks = new KeyedMutex();
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  const batches = new Batches<string, string>(locks, atMost, async (names) => {
    done.push(names.join(' '));
    if (names.includes('first')) await first.promise;
    return names.map((name) => {
      if (name === 'bad') return { status: 'rejected', reason: new Error('boom') };
      return fulfilled(name.toUpperCase());
    });
  });
  return { locks, done, batches, first };
}

test('those that come while a key is worked on are worked on together, and each has its own outcome', async () => {
  const { batches, done, first } = rig();
  const all = ['first', 'a', 'bad', 'c'].map((name) => batches.run('k', name, never));
  const other = batches.run('other', 'z', never);
  expect(await other).toBe('Z');
  first.resolve();
  const outcomes = await Promise.allSettled(all);
  expect(outcomes).toMatchObject([{ value: 'FIRST' }, { value: 'A' }, { reason: { message: 'boom' } }, { value: 'C' }]);
  expect(done.toSorted()).toEqual(['first a bad c', 'z']);
});

test('of many so many are worked on at once, and the rest after them', async () => {
  const { batches, done } = rig(2);
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => batches.run('k', name, never)));
  expect(done).toEqual(['a b', 'c d', 'e']);
});

test('whoever holds the lock otherwise is waited for, and what comes meanwhile is one batch', async () => {
  const { batches, locks, done } = rig();
  const held = Promise.withResolvers<void>();
  const holder = locks.run('k', () => held.promise, never);
  const [a, b] = [batches.run('k', 'a', never), batches.run('k', 'b', never)];
  expect(done).toEqual([]);
  held.resolve();
  await Promise.all([holder, a, b]);
  expect(done).toEqual(['a b']);
});

test('one that gives up is not worked on, and takes nobody along', async () => {
  const { batches, locks, done } = rig();
  const held = Promise.withResolvers<void>();
  const holder = locks.run('k', () => held.promise, never);
  const impatient = new AbortController();
  const [a, b] = [batches.run('k', 'a', impatient.signal), batches.run('k', 'b', never)];
  impatient.abort(new Error('deadline'));
  await expect(a).rejects.toThrow('deadline');
  held.resolve();
  await Promise.all([holder, b]);
  expect(done).toEqual(['b']);
});

test('work that throws fails all that it was given', async () => {
  const batches = new Batches<string, string>(new KeyedMutex(), 10, () => Promise.reject(new Error('boom')));
  const all = ['a', 'b'].map((name) => batches.run('k', name, never));
  expect(await Promise.allSettled(all)).toMatchObject([{ status: 'rejected' }, { reason: { message: 'boom' } }]);
});
