import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startProxy } from '../../../test/rig/connect-proxy.ts';
import { fakeAccess } from '../access/fake-access.ts';
import { startFakeApi } from '../fake-api.ts';
import { NODES } from '../resource.ts';
import { createKubeClient } from './rest-client.ts';

const never = new AbortController().signal;
const pem = (name: string): string => readFileSync(path.join(import.meta.dirname, '../testdata', name), 'utf8');

test('a server behind a proxy: one tunnel for all calls, TLS to the server itself', async () => {
  await using api = await startFakeApi(() => ({ body: {} }), { key: pem('server.key'), cert: pem('server.crt') });
  await using proxy = await startProxy(Number(api.server.port));
  const access = fakeAccess(new URL('https://kubernetes.example:6443'), {
    proxy: proxy.url,
    identity: () => Promise.resolve({ ca: pem('ca.crt') }),
  });
  const client = createKubeClient(access, { userAgent: 'test' });
  for (let i = 0; i < 3; i += 1) await client.get(NODES, { name: 'n' }, never);
  client.close();
  expect(api.seen.map(({ path }) => path)).toEqual(Array.from({ length: 3 }, () => '/api/v1/nodes/n'));
  expect(proxy.asked).toEqual(['CONNECT kubernetes.example:6443 me:secret']);
});

test('a server that is not who it should be is refused behind a proxy too', async () => {
  await using api = await startFakeApi(() => ({ body: {} }), { key: pem('server.key'), cert: pem('server.crt') });
  await using proxy = await startProxy(Number(api.server.port));
  const access = fakeAccess(new URL('https://elsewhere.example:6443'), {
    proxy: proxy.url,
    identity: () => Promise.resolve({ ca: pem('ca.crt') }),
  });
  const client = createKubeClient(access, { userAgent: 'test' });
  await expect(client.get(NODES, { name: 'n' }, never)).rejects.toThrow('elsewhere.example');
  client.close();
  expect(api.seen).toEqual([]);
});

test('a server without TLS is asked by way of the proxy', async () => {
  await using proxy = await startProxy(1);
  const access = fakeAccess(new URL('http://kubernetes.example'), { proxy: proxy.url });
  const client = createKubeClient(access, { userAgent: 'test' });
  await client.get(NODES, { name: 'n' }, never);
  client.close();
  expect(proxy.asked).toEqual(['GET http://kubernetes.example/api/v1/nodes/n']);
});
