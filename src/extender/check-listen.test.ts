import { expect, test } from 'vitest';
import { parseEndpoint } from '../daemon/endpoint.ts';
import { checkListen } from './check-listen.ts';

test.each([
  '127.0.0.1:23000',
  '127.8.8.8:1',
  'localhost:23000',
  '[::1]:23000',
  '[::ffff:127.0.0.1]:1',
  'unix:///run/x.sock',
])('plain HTTP may listen on %s', (address) => {
  expect(() => checkListen({ endpoint: parseEndpoint(address), tls: false, allowPlaintext: false })).not.toThrow();
});

const REACHABLE = [
  ':23000',
  '0.0.0.0:23000',
  '[::]:23000',
  '10.0.0.1:23000',
  '127.example.org:23000',
  '[::ffff:10.0.0.1]:1',
];

test.each(REACHABLE)('plain HTTP may not listen on %s', (address) => {
  expect(() => checkListen({ endpoint: parseEndpoint(address), tls: false, allowPlaintext: false })).toThrow(
    /without TLS: give --extender-tls-dir, listen on 127\.0\.0\.1, or allow it with --extender-allow-plaintext/,
  );
});

test.each(REACHABLE)('TLS, or an explicit word, opens %s', (address) => {
  const endpoint = parseEndpoint(address);
  expect(() => checkListen({ endpoint, tls: true, allowPlaintext: false })).not.toThrow();
  expect(() => checkListen({ endpoint, tls: false, allowPlaintext: true })).not.toThrow();
});
