import { expect, test } from 'vitest';
import { fakeAccess } from './access/fake-access.ts';
import { faultOfWrite } from './api-fault.ts';
import { ApiError, isConflict, isNoSuchKind } from './errors.ts';
import { startFakeApi } from './fake-api.ts';
import { find, unlessGone } from './find.ts';
import { NODES } from './resource.ts';
import { createKubeClient } from './rest/rest-client.ts';

const never = new AbortController().signal;
const refused = (code: number, reason = 'Whatever'): Promise<never> =>
  Promise.reject(new ApiError({ code, reason, message: `answer ${code}` }));
const notFound = () => refused(404, 'NotFound');

test('what is not there is undefined; any other refusal is thrown', async () => {
  expect(await unlessGone(Promise.resolve(7))).toBe(7);
  expect(await unlessGone(notFound())).toBeUndefined();
  for (const code of [0, 403, 409, 410, 500]) await expect(unlessGone(refused(code))).rejects.toMatchObject({ code });
  await expect(unlessGone(Promise.reject(new Error('oh')))).rejects.toThrow('oh');
});

test.each([
  ['of a load balancer', '<html>404 Not Found</html>', 'BadAnswer'],
  ['in JSON of something else', { code: 404, error: 'no route' }, 'BadAnswer'],
  ['of a server that does not know the kind', '404 page not found\n', 'NoSuchPath'],
])('a 404 %s says nothing of the object', async (_, body, reason) => {
  await using api = await startFakeApi(() => ({ status: 404, body }));
  const client = createKubeClient(fakeAccess(api.server), { userAgent: 'test' });
  const asked = find(client, NODES, { name: 'n' }, never);
  await expect(asked).rejects.toMatchObject({ code: 404, reason });
  const isKnown = async () => client.list(NODES, {}, never).catch((error: unknown) => !isNoSuchKind(error));
  expect(await isKnown()).toBe(reason === 'BadAnswer');
  client.close();
});

test.each([400, 409, 422])('a %d of what is before the API server is no refusal of the object', async (status) => {
  await using api = await startFakeApi(() => ({ status, body: '<html>no such route, or a rule against it</html>' }));
  const client = createKubeClient(fakeAccess(api.server), { userAgent: 'test' });
  const refused = client.create(NODES, { metadata: { name: 'n' } }, never).catch((error: unknown) => error);
  expect(faultOfWrite('recording', await refused)).toMatchObject({ kind: 'unavailable' });
  expect(isConflict(await refused)).toBe(false);
  client.close();
});

test('an object is asked for by its key', async () => {
  const asked: unknown[] = [];
  const get = (...call: readonly unknown[]): Promise<never> => {
    asked.push(call.slice(0, 2));
    return notFound();
  };
  expect(await find({ get }, NODES, { name: 'n' }, never)).toBeUndefined();
  expect(asked).toEqual([[NODES, { name: 'n' }]]);
});
