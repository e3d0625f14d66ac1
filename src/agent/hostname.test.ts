import { expect, test } from 'vitest';
import type { KubeClient } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { hostnameOf } from './hostname.ts';

const never = new AbortController().signal;
const clientThat = (get: () => Promise<unknown>) => ({ get }) as unknown as Pick<KubeClient, 'get'>;
const refuses = (code: number, reason: string) => () => Promise.reject(new ApiError({ code, reason, message: 'no' }));

test.each([
  ['its label', { 'kubernetes.io/hostname': 'host-7' }, 'host-7'],
  ['its name, without the label', { other: 'x' }, 'node-a'],
  ['its name, without labels', undefined, 'node-a'],
])('a node is told by %s', async (_, labels, want) => {
  const client = clientThat(() => Promise.resolve({ metadata: { name: 'node-a', ...(labels ? { labels } : {}) } }));
  expect(await hostnameOf('node-a', client, never)).toBe(want);
});

test('a node that has no object goes by its name', async () => {
  expect(await hostnameOf('node-a', clientThat(refuses(404, 'NotFound')), never)).toBe('node-a');
});

test('what cannot be known is not guessed', async () => {
  await expect(hostnameOf('node-a', clientThat(refuses(403, 'Forbidden')), never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('labels of node node-a') as string,
  });
});
