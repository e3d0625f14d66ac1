import { expect, test } from 'vitest';
import { Gate } from './gate.ts';

const never = new AbortController().signal;

/** Tasks that end when they are told to. */
function tasks(gate: Gate) {
  const running: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string, signal = never): Promise<void> =>
    gate.run(async () => {
      running.push(name);
      await new Promise<void>((resolve) => void ends.set(name, resolve));
      running.splice(running.indexOf(name), 1);
    }, signal);
  const end = (name: string): void => ends.get(name)?.();
  return { running, start, end };
}

test('so many run at a time, in the order in which they came', async () => {
  const { running, start, end } = tasks(new Gate(2));
  const all = ['a', 'b', 'c', 'd'].map((name) => start(name));
  expect(running).toEqual(['a', 'b']);
  end('b');
  await expect.poll(() => running).toEqual(['a', 'c']);
  end('a');
  await expect.poll(() => running).toEqual(['c', 'd']);
  end('c');
  end('d');
  await Promise.all(all);
});

test('one that fails hands its place on, and one that gives up takes none', async () => {
  const gate = new Gate(1);
  const { running, start, end } = tasks(gate);
  const impatient = new AbortController();
  const first = gate.run(() => Promise.reject(new Error('boom')), never);
  const second = start('second', impatient.signal);
  const third = start('third');
  impatient.abort(new Error('deadline'));
  await expect(first).rejects.toThrow('boom');
  await expect(second).rejects.toThrow('deadline');
  await expect.poll(() => running).toEqual(['third']);
  end('third');
  await third;
  const last = start('last');
  expect(running).toEqual(['last']);
  end('last');
  await last;
});
