import { expect, test } from 'vitest';
import { proxyFromEnvironment } from './proxy-from-environment.ts';

const HTTPS_PROXY = 'http://proxy.example:3128';
const at = (server: string, env: Readonly<Record<string, string>>): string | undefined =>
  proxyFromEnvironment(new URL(server), env)?.href;

test.each([
  ['https://k8s.example:6443', { HTTPS_PROXY }, 'http://proxy.example:3128/'],
  ['https://k8s.example:6443', { https_proxy: HTTPS_PROXY }, 'http://proxy.example:3128/'],
  ['https://k8s.example:6443', { HTTPS_PROXY: 'proxy.example:3128' }, 'http://proxy.example:3128/'],
  ['https://k8s.example:6443', { HTTPS_PROXY: 'https://me:secret@p' }, 'https://me:secret@p/'],
  ['https://k8s.example:6443', { HTTP_PROXY: HTTPS_PROXY }, undefined],
  ['http://k8s.example', { HTTP_PROXY: HTTPS_PROXY }, 'http://proxy.example:3128/'],
  ['https://k8s.example:6443', { HTTPS_PROXY: '' }, undefined],
  ['https://k8s.example:6443', {}, undefined],
  ['https://localhost:6443', { HTTPS_PROXY }, undefined],
  ['https://127.1.2.3:6443', { HTTPS_PROXY }, undefined],
  ['https://[::1]:6443', { HTTPS_PROXY }, undefined],
] as const)('%s with %j', (server, env, proxy) => {
  expect(at(server, env)).toBe(proxy);
});

test.each([
  ['https://k8s.example', '*', true],
  ['https://k8s.example', 'other.example, K8S.example', true],
  ['https://api.k8s.example', 'k8s.example', true],
  ['https://notk8s.example', 'k8s.example', false],
  ['https://k8s.example', '.example', true],
  ['https://k8s.example', '*.example', true],
  ['https://k8s.example', '.k8s.example', false],
  ['https://k8s.example:6443', 'k8s.example:6443', true],
  ['https://k8s.example:6443', 'k8s.example:443', false],
  ['https://k8s.example', 'k8s.example:443', true],
  ['https://10.96.0.1', '10.96.0.1', true],
  ['https://10.96.0.1', '10.0.0.0/8', true],
  ['https://11.96.0.1', '10.0.0.0/8', false],
  ['https://10.96.0.1', '10.0.0.0/80', false],
  ['https://10.96.0.1', '96.0.1', false],
  ['https://[fd00::1]:6443', 'fd00::/8', true],
  ['https://[fd00::1]:6443', 'fd00::1', true],
  ['https://[fd00::1]:6443', '[fd00::1]:6443', true],
  ['https://[fd00::1]:6443', '10.0.0.0/8', false],
  ['https://k8s.example', ' ,,', false],
] as const)('%s is left out by NO_PROXY=%s: %j', (server, NO_PROXY, isLeftOut) => {
  expect(at(server, { HTTPS_PROXY, NO_PROXY })).toBe(isLeftOut ? undefined : 'http://proxy.example:3128/');
  expect(at(server, { HTTPS_PROXY, no_proxy: NO_PROXY })).toBe(isLeftOut ? undefined : 'http://proxy.example:3128/');
});

test.each(['socks5://proxy.example', 'http://', 'a b'])('%j is refused by the name of the variable', (text) => {
  expect(() => at('https://k8s.example', { HTTPS_PROXY: text })).toThrow(/^HTTPS_PROXY: must be a URL/);
});
