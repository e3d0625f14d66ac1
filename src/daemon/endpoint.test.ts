import { expect, test } from 'vitest';
import { formatEndpoint, parseEndpoint } from './endpoint.ts';

test.each([
  ['unix:///run/a.sock', { kind: 'unix', path: '/run/a.sock' }, 'unix:///run/a.sock'],
  ['unix:/run/a.sock', { kind: 'unix', path: '/run/a.sock' }, 'unix:///run/a.sock'],
  ['127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }, '127.0.0.1:0'],
  ['localhost:9090', { kind: 'tcp', host: 'localhost', port: 9090 }, 'localhost:9090'],
  ['[::1]:9090', { kind: 'tcp', host: '::1', port: 9090 }, '[::1]:9090'],
  [':9090', { kind: 'tcp', host: '::', port: 9090 }, '[::]:9090'],
])('%s is read, and written back', (text, endpoint, written) => {
  expect(parseEndpoint(text)).toEqual(endpoint);
  expect(formatEndpoint(parseEndpoint(text))).toBe(written);
});

test.each([
  '',
  'here',
  '9090',
  'a:b',
  'a:70000',
  '::1:80',
  'http://a:80',
  'unix://tmp/csi.sock',
  'unix:///run/',
  'unix:',
])('"%s" is refused, by name', (text) => {
  expect(() => parseEndpoint(text)).toThrow(`"${text}"`);
});

test('a socket path that the kernel would cut is refused', () => {
  const longest = `/${'x'.repeat(106)}`;
  expect(parseEndpoint(`unix://${longest}`)).toEqual({ kind: 'unix', path: longest });
  expect(() => parseEndpoint(`unix://${longest}x`)).toThrow('at most 107 bytes');
});
