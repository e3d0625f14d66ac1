import { once } from 'node:events';
import { expect, test } from 'vitest';
import { background } from './background.ts';

const never = new AbortController().signal;

test('works until it is stopped, and stopping waits for its end', async () => {
  const events: string[] = [];
  const part = background('work', async (signal) => {
    events.push('begins');
    await once(signal, 'abort');
    events.push('ends');
  });
  await part.start(never);
  expect(events).toEqual(['begins']);
  await part.stop();
  expect(events).toEqual(['begins', 'ends']);
});

test('what it throws is told, and does not keep it from being stopped', async () => {
  const part = background('work', () => Promise.reject(new Error('boom')));
  await part.start(never);
  await expect(part.failed).rejects.toThrow('boom');
  await part.stop();
});

test('one that never began is stopped at once', async () => {
  let began = false;
  const part = background('work', async () => void (began = true));
  await part.stop();
  expect(began).toBe(false);
});
