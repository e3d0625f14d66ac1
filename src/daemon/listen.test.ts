import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseEndpoint } from './endpoint.ts';
import { listenOn, listenOptions } from './listen.ts';

const IPV4 = { eth0: [{ family: 'IPv4' as const }] };
const IPV6 = { lo: [{ family: 'IPv4' as const }], eth0: [{ family: 'IPv6' as const }] };

test.each([
  [':80', IPV6, { host: '::', port: 80 }],
  [':80', IPV4, { host: '0.0.0.0', port: 80 }],
  ['[::1]:80', IPV4, { host: '::1', port: 80 }],
  ['127.0.0.1:80', IPV6, { host: '127.0.0.1', port: 80 }],
  ['unix:///run/x.sock', IPV6, { path: '/run/x.sock' }],
])('%s is listened on where the interfaces have %j', (given, interfaces, options) => {
  expect(listenOptions(parseEndpoint(given), interfaces)).toEqual(options);
});

test('every address of the machine is answered, of IPv4 and of IPv6', async () => {
  const server = createServer((_, response) => response.end('here'));
  const endpoint = await listenOn(server, parseEndpoint(':0'));
  const port = endpoint.kind === 'tcp' ? endpoint.port : 0;
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const loopbacks = addresses
    .filter(({ internal }) => internal)
    .map(({ family }) => (family === 'IPv6' ? '[::1]' : '127.0.0.1'));
  try {
    for (const host of loopbacks) expect(await (await fetch(`http://${host}:${port}`)).text()).toBe('here');
  } finally {
    server.close();
  }
});

test('the manifests let the operator listen on every address, whatever a pod’s first one is', async () => {
  const root = path.resolve(import.meta.dirname, '../..');
  for (const file of ['deploy/operator.yaml', 'deploy/helm/templates/operator.yaml']) {
    const text = await readFile(path.join(root, file), 'utf8');
    const hosts = [...text.matchAll(/--\w+-listen=([^\s]*):/g)].map(([, host]) => host);
    expect([file, hosts.filter((host) => host !== '' && host !== '127.0.0.1')]).toEqual([file, []]);
    expect(hosts).toContain('');
  }
});
