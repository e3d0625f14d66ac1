import { expect, test } from 'vitest';
import { podFacts } from '../model/decode.ts';
import { askFilter } from './ask-filter.ts';
import { createFakeScheduling } from './fake-scheduling.ts';
import { FULL, HELD, testPod } from './wire/question-fixture.ts';

const question = { pod: podFacts(testPod()), names: ['a', 'b'] };
const LONG_MS = 25_000;
const never = new AbortController().signal;

function scheduling(a: number | typeof HELD, b: number | typeof HELD, mayFreeUp = true) {
  const fake = createFakeScheduling({ a, b });
  fake.state.mayFreeUp = mayFreeUp;
  return fake;
}

test.each([
  { what: 'some node fits', fake: scheduling(1, HELD), waitMs: LONG_MS },
  { what: 'no room can come free', fake: scheduling(FULL, FULL, false), waitMs: LONG_MS },
  { what: 'waiting is turned off', fake: scheduling(HELD, HELD), waitMs: 0 },
])('asks once when $what', async ({ fake, waitMs }) => {
  await askFilter(fake, question, waitMs, never);
  expect(fake.asked).toHaveLength(1);
});

test('asks once about no node at all', async () => {
  const fake = scheduling(HELD, HELD);
  fake.freed = () => Promise.reject(new Error('it waited'));
  expect((await askFilter(fake, { ...question, names: [] }, LONG_MS, never)).refusals).toEqual([]);
  expect(fake.asked).toHaveLength(1);
});

test('asks again when room was freed, and answers what fits then', async () => {
  const fake = scheduling(HELD, HELD);
  const answer = askFilter(fake, question, LONG_MS, never);
  await fake.waiters(1);
  fake.free(); // of no use to this pod
  await fake.waiters(1);
  fake.nodes.set('b', 4);
  fake.free();
  expect((await answer).refusals).toEqual([HELD, undefined]);
});

test('refuses when nothing was freed in time', async () => {
  const fake = scheduling(HELD, HELD);
  const { refusals } = await askFilter(fake, question, 5, never);
  expect(refusals).toEqual([HELD, HELD]);
  expect(fake.asked).toHaveLength(1);
});

test('stops asking after a few times, however often room is freed for others', async () => {
  const fake = scheduling(HELD, HELD);
  fake.freed = () => Promise.resolve();
  const { refusals } = await askFilter(fake, question, LONG_MS, never);
  expect(refusals).toEqual([HELD, HELD]);
  expect(fake.asked).toHaveLength(8);
});

test('stops waiting when the caller goes away', async () => {
  const fake = scheduling(HELD, HELD);
  const caller = new AbortController();
  const answer = askFilter(fake, question, LONG_MS, caller.signal);
  await fake.waiters(1);
  caller.abort();
  expect((await answer).refusals).toEqual([HELD, HELD]);
  expect(fake.asked).toHaveLength(1);
});

test('does not hide that waiting broke', async () => {
  const fake = scheduling(HELD, HELD);
  fake.freed = () => Promise.reject(new Error('bug'));
  await expect(askFilter(fake, question, LONG_MS, never)).rejects.toThrow('bug');
});
