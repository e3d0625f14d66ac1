import { expect, test } from 'vitest';
import { ApiError } from './errors.ts';
import { find, unlessGone } from './find.ts';
import { NODES } from './resource.ts';

const never = new AbortController().signal;
const refused = (code: number): Promise<never> =>
  Promise.reject(new ApiError({ code, reason: 'Whatever', message: `answer ${code}` }));

test('what is not there is undefined; any other refusal is thrown', async () => {
  expect(await unlessGone(Promise.resolve(7))).toBe(7);
  expect(await unlessGone(refused(404))).toBeUndefined();
  for (const code of [0, 403, 409, 410, 500]) await expect(unlessGone(refused(code))).rejects.toMatchObject({ code });
  await expect(unlessGone(Promise.reject(new Error('oh')))).rejects.toThrow('oh');
});

test('an object is asked for by its key', async () => {
  const asked: unknown[] = [];
  const get = (...call: readonly unknown[]): Promise<never> => {
    asked.push(call.slice(0, 2));
    return refused(404);
  };
  expect(await find({ get }, NODES, { name: 'n' }, never)).toBeUndefined();
  expect(asked).toEqual([[NODES, { name: 'n' }]]);
});
