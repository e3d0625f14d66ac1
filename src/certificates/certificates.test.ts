import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { authorityProblem, issue, makeAuthority, pairProblem, type Holder, type Pair } from './certificates.ts';

const NOW = new Date();
const SERVER: Holder = {
  commonName: 'extender',
  names: ['extender.open-local.svc', '127.0.0.1'],
  usage: 'server',
  days: 90,
};
const CLIENT: Holder = { commonName: 'system:kube-scheduler', names: [], usage: 'client', days: 3650 };
const later = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000);
let authority: Pair;
let server: Pair;
let client: Pair;

beforeAll(async () => {
  authority = await makeAuthority('open-local', 3650, NOW);
  server = await issue(authority, SERVER, NOW);
  client = await issue(authority, CLIENT, NOW);
});

test('server and client of one authority speak with each other, and nobody else with them', async () => {
  const options = { key: server.key, cert: server.cert, ca: authority.cert, requestCert: true };
  const listening = createServer(options, (_, response) => response.end('yes')).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  const ask = (pair: Pair, ca: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const tls = { key: pair.key, cert: pair.cert, ca, servername: 'extender.open-local.svc', agent: false as const };
      request({ host: '127.0.0.1', port, ...tls }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
  expect(await ask(client, authority.cert)).toBe(200);
  const stranger = await makeAuthority('open-local', 1, NOW);
  await expect(ask(client, stranger.cert)).rejects.toThrow(/certificate/);
  await expect(ask(await issue(stranger, CLIENT, NOW), authority.cert)).rejects.toThrow(/ECONNRESET|alert|hang up/);
  listening.closeAllConnections();
  await once(listening.close(), 'close');
});

test('a certificate tells whose it is, for what, and who signed it', () => {
  const seen = new X509Certificate(server.cert);
  expect(seen.subjectAltName).toBe('DNS:extender.open-local.svc, IP Address:127.0.0.1');
  expect(seen.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(new X509Certificate(client.cert).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(new X509Certificate(authority.cert).ca).toBe(true);
  expect(seen.ca).toBe(false);
});

test('a good pair has no problem; it is due after two thirds of its time', () => {
  expect(authorityProblem(authority, NOW)).toBeUndefined();
  expect(pairProblem(server, authority, SERVER, NOW)).toBeUndefined();
  expect(pairProblem(server, authority, SERVER, later(59))).toBeUndefined();
  expect(pairProblem(server, authority, SERVER, later(61))).toMatch(/^it ends on /);
  expect(pairProblem(server, authority, SERVER, later(91))).toMatch(/^it ended on /);
  expect(pairProblem(server, authority, SERVER, later(-1))).toMatch(/^it begins on /);
  expect(authorityProblem(authority, later(3651))).toMatch(/^it ended on /);
});

test('what cannot be used is told', async () => {
  const other = await makeAuthority('open-local', 10, NOW);
  expect(pairProblem(server, other, SERVER, NOW)).toBe('another authority signed it');
  expect(pairProblem({ ...server, key: client.key }, authority, SERVER, NOW)).toContain('its key belongs to another');
  expect(pairProblem(server, authority, { ...SERVER, names: ['x.svc'] }, NOW)).toBe('it is not for x.svc');
  expect(pairProblem(server, authority, { ...SERVER, names: ['192.0.2.1'] }, NOW)).toBe('it is not for 192.0.2.1');
  expect(pairProblem(client, authority, { ...CLIENT, commonName: 'x' }, NOW)).toBe("it is not x's");
  expect(pairProblem({ cert: 'nonsense', key: '' }, authority, SERVER, NOW)).toContain('it cannot be read');
  expect(authorityProblem(server, NOW)).toBe('it is not an authority');
  expect(authorityProblem({ ...authority, key: other.key }, NOW)).toContain('its key belongs to another');
});
