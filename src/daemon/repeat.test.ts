import { expect, test } from 'vitest';
import { repeat } from './repeat.ts';

test('turns follow each other, never two at once, also after one that failed, until aborted', async () => {
  const stop = new AbortController();
  const errors: unknown[] = [];
  let running = 0;
  let turns = 0;
  const task = async (): Promise<void> => {
    expect((running += 1)).toBe(1);
    await Promise.resolve();
    running -= 1;
    turns += 1;
    if (turns === 3) stop.abort();
    else throw new Error(`turn ${turns}`);
  };
  await repeat(0, task, (error) => errors.push(error), stop.signal);
  expect(turns).toBe(3);
  expect(errors).toEqual([new Error('turn 1'), new Error('turn 2')]);
});

test('aborted from the start, it runs nothing', async () => {
  let turns = 0;
  await repeat(
    0,
    () => void (turns += 1),
    () => {},
    AbortSignal.abort(),
  );
  expect(turns).toBe(0);
});

test('between two turns there is a pause, which an abort ends', async () => {
  const stop = new AbortController();
  let turns = 0;
  const task = (): void => {
    turns += 1;
    setTimeout(() => stop.abort(), 50);
  };
  await repeat(3_600_000, task, () => {}, stop.signal);
  expect(turns).toBe(1);
});
