import { expect, test } from 'vitest';
import { Gates } from './gates.ts';

const never = new AbortController().signal;

/** Tasks that end when they are told to. */
function tasks(gates: Gates) {
  const running: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (key: string, name: string): Promise<void> =>
    gates.run(
      key,
      async () => {
        running.push(name);
        await new Promise<void>((resolve) => void ends.set(name, resolve));
        running.splice(running.indexOf(name), 1);
      },
      never,
    );
  const end = (name: string): void => ends.get(name)?.();
  return { running, start, end };
}

test('tasks of one key wait for each other, and for no others', async () => {
  const gates = new Gates({ ofOneKey: 2, inAll: 9 });
  const { running, start, end } = tasks(gates);
  const all = ['a1', 'a2', 'a3', 'b1'].map((name) => start(name.slice(0, 1), name));
  await expect.poll(() => running).toEqual(['a1', 'a2', 'b1']);
  expect([gates.waiting('a'), gates.waiting('b'), gates.waiting('c')]).toEqual([1, 0, 0]);
  for (const name of ['a1', 'a2', 'b1']) end(name);
  await expect.poll(() => running).toEqual(['a3']);
  end('a3');
  await Promise.all(all);
});

test('of all keys no more run than there may be', async () => {
  const { running, start, end } = tasks(new Gates({ ofOneKey: 2, inAll: 2 }));
  const all = ['a', 'b', 'c'].map((key) => start(key, key));
  await expect.poll(() => running).toEqual(['a', 'b']);
  end('a');
  await expect.poll(() => running).toEqual(['b', 'c']);
  for (const name of ['b', 'c']) end(name);
  await Promise.all(all);
});
