import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createFakeRun } from '../../exec/fake-run.ts';
import { createFakeClock } from '../../wait/fake-clock.ts';
import { loadKubeconfig } from './kubeconfig.ts';

const never = new AbortController().signal;
const testdata = (name: string): string => path.join(import.meta.dirname, '../testdata', name);
const noRun = createFakeRun(() => undefined).run;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rm(folder, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

type Fields = Record<string, unknown>;

const kubeconfig = ({ cluster = {}, user = {}, context = {}, root = {} }: Record<string, Fields> = {}): Fields => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'dev',
  contexts: [
    { name: 'other', context: { cluster: 'nowhere', user: 'nobody' } },
    { name: 'dev', context: { cluster: 'c', user: 'u', ...context } },
  ],
  clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
  users: [{ name: 'u', user: { token: 'secret', ...user } }],
  ...root,
});

async function save(document: unknown): Promise<string> {
  const file = path.join(folder, 'config');
  await writeFile(file, typeof document === 'string' ? document : stringify(document));
  return file;
}

test('a token; the namespace of the context', async () => {
  const access = await loadKubeconfig(await save(kubeconfig({ context: { namespace: 'team' } })), { run: noRun });
  expect(access).toMatchObject({ insecure: false, namespace: 'team', serverName: undefined });
  expect(access.server.href).toBe('https://10.0.0.1:6443/');
  expect(await access.identity(never)).toEqual({ token: 'secret' });
});

test('another context than the current one', async () => {
  const file = await save(
    kubeconfig({
      root: {
        clusters: [{ name: 'nowhere', cluster: { server: 'http://127.0.0.1:8080' } }],
        users: [{ name: 'nobody', user: {} }],
      },
    }),
  );
  const access = await loadKubeconfig(file, { run: noRun, context: 'other' });
  expect(access.server.href).toBe('http://127.0.0.1:8080/');
  expect(access.namespace).toBe('default');
  expect(await access.identity(never)).toEqual({});
});

test('certificates in the file, and in files named relative to it, come to the same', async () => {
  const names = { 'certificate-authority': 'ca.crt', 'client-certificate': 'client.crt', 'client-key': 'client.key' };
  const texts = await Promise.all(Object.values(names).map((name) => readFile(testdata(name), 'utf8')));
  const [ca = '', cert = '', key = ''] = texts;
  await Promise.all(Object.values(names).map((name, at) => writeFile(path.join(folder, name), texts[at] ?? '')));

  const want = { ca: ca.trim(), cert: cert.trim(), key: key.trim(), token: undefined };
  for (const [cluster, user] of [
    [{ 'certificate-authority': 'ca.crt' }, { 'client-certificate': 'client.crt', 'client-key': './client.key' }],
    [
      { 'certificate-authority-data': base64(ca), 'certificate-authority': 'ignored' },
      { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) },
    ],
  ] as [Fields, Fields][]) {
    const file = await save(
      kubeconfig({ cluster: { ...cluster, 'tls-server-name': 'kubernetes' }, user: { ...user, token: undefined } }),
    );
    const access = await loadKubeconfig(file, { run: noRun });
    const { ca, cert, key, token } = await access.identity(never);
    expect({ ca: ca?.trim(), cert: cert?.trim(), key: key?.trim(), token }).toEqual(want);
    expect(access.serverName).toBe('kubernetes');
  }
});

test('a renewed client certificate is shown with its key only: never the new one of the two with the old other', async () => {
  const clock = createFakeClock();
  const put = async (name: string, from: string): Promise<void> =>
    writeFile(path.join(folder, name), await readFile(testdata(from), 'utf8'));
  await Promise.all([put('tls.crt', 'client.crt'), put('tls.key', 'client.key')]);
  const user = { token: undefined, 'client-certificate': 'tls.crt', 'client-key': 'tls.key' };
  const access = await loadKubeconfig(await save(kubeconfig({ user })), { run: noRun, clock });
  const shown = async (): Promise<unknown> => {
    const { cert, key } = await access.identity(never);
    return [cert, key];
  };
  const pairOf = async (name: string): Promise<unknown> =>
    Promise.all([`${name}.crt`, `${name}.key`].map(async (file) => (await readFile(testdata(file), 'utf8')).trim()));

  expect(await shown()).toEqual(await pairOf('client'));
  await put('tls.crt', 'server.crt');
  await clock.advance(60_000);
  expect(await shown()).toEqual(await pairOf('client'));
  await put('tls.key', 'server.key');
  expect(await shown()).toEqual(await pairOf('server'));
});

test('a token file is read again after a minute, or when the token was refused; it survives being away for a moment', async () => {
  const clock = createFakeClock();
  const token = path.join(folder, 'token');
  const file = await save(kubeconfig({ user: { tokenFile: 'token' } }));
  await writeFile(token, 'one\n');
  const access = await loadKubeconfig(file, { run: noRun, clock });
  const shown = async (): Promise<unknown> => (await access.identity(never)).token;

  await writeFile(token, 'two\n');
  expect(await shown()).toBe('one');
  await clock.advance(60_000);
  expect(await shown()).toBe('two');

  await writeFile(token, 'three\n');
  access.refused(await access.identity(never));
  expect(await Promise.all([shown(), shown()])).toEqual(['three', 'three']);

  await writeFile(token, '');
  await clock.advance(60_000);
  expect(await shown()).toBe('three');
  await rm(token);
  await clock.advance(60_000);
  expect(await shown()).toBe('three');
});

test('an exec plug-in: arguments, environment, the cluster, and a path relative to the file', async () => {
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: './bin/login',
    args: ['--for', 'me'],
    env: [{ name: 'REGION', value: 'x' }],
    provideClusterInfo: true,
    interactiveMode: 'IfAvailable',
  };
  const extensions = [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }];
  const file = await save(kubeconfig({ cluster: { extensions }, user: { token: undefined, exec } }));
  let env: Readonly<Record<string, string>> = {};
  const { run, calls } = createFakeRun((_, options) => {
    env = options.env ?? {};
    const status = { token: 'from-plug-in' };
    return JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', status });
  });
  const access = await loadKubeconfig(file, { run, env: { PATH: '/opt/bin', REGION: 'overridden' } });
  expect(calls).toEqual([]);
  expect((await access.identity(never)).token).toBe('from-plug-in');

  expect(calls).toEqual([[path.join(folder, 'bin/login'), '--for', 'me']]);
  expect(env).toMatchObject({ PATH: '/opt/bin', REGION: 'x' });
  expect(JSON.parse(env['KUBERNETES_EXEC_INFO'] ?? '')).toEqual({
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, cluster: { server: 'https://10.0.0.1:6443', config: { audience: 'a' } } },
  });
});

const execUser = (more: Fields): { user: Fields } => ({
  user: { token: undefined, exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'login', ...more } },
});
const cluster = (more: Fields): { cluster: Fields } => ({ cluster: more });
const user = (more: Fields): { user: Fields } => ({ user: more });

const mistakes: [name: string, document: unknown, problem: string | RegExp][] = [
  ['no YAML', 'a: [', /^is not YAML: /],
  ['a list', '[]', 'must be an object'],
  ['empty', '', 'current-context: is missing'],
  ['no current context', kubeconfig({ root: { 'current-context': '' } }), 'current-context: is missing'],
  [
    'an unknown context',
    kubeconfig({ root: { 'current-context': 'prod' } }),
    'current-context: names "prod", which is not in contexts',
  ],
  [
    'an unknown cluster',
    kubeconfig({ context: { cluster: 'd' } }),
    'contexts[1].context.cluster: names "d", which is not in clusters',
  ],
  [
    'an unknown user',
    kubeconfig({ context: { user: 'v' } }),
    'contexts[1].context.user: names "v", which is not in users',
  ],
  ['contexts is no list', kubeconfig({ root: { contexts: {} } }), 'contexts: must be a list'],
  ['a user without its object', kubeconfig({ root: { users: [{ name: 'u' }] } }), 'users[0].user: is missing'],
  ['no server', kubeconfig(cluster({ server: '' })), 'clusters[0].cluster.server: is missing'],
  [
    'a server without scheme',
    kubeconfig(cluster({ server: '10.0.0.1:6443' })),
    'clusters[0].cluster.server: must be a URL such as https://host:6443',
  ],
  ['a server that is a number', kubeconfig(cluster({ server: 5 })), 'clusters[0].cluster.server: must be a string'],
  [
    'a proxy of another kind',
    kubeconfig(cluster({ 'proxy-url': 'socks5://p' })),
    /^clusters\[0\]\.cluster\.proxy-url: must be a URL such as http:/,
  ],
  [
    'insecure and an authority',
    kubeconfig(cluster({ 'insecure-skip-tls-verify': true, 'certificate-authority': 'ca' })),
    'clusters[0].cluster.insecure-skip-tls-verify: cannot be true together with a certificate-authority',
  ],
  [
    'a flag that is text',
    kubeconfig(cluster({ 'insecure-skip-tls-verify': 'yes' })),
    'clusters[0].cluster.insecure-skip-tls-verify: must be true or false',
  ],
  [
    'data that is no PEM',
    kubeconfig(cluster({ 'certificate-authority-data': 'aaaa' })),
    'clusters[0].cluster.certificate-authority-data: is not PEM text in base64',
  ],
  [
    'data that looks like PEM',
    kubeconfig(cluster({ 'certificate-authority-data': base64('-----BEGIN CERTIFICATE-----\n') })),
    /^clusters\[0\]\.cluster\.certificate-authority-data: is not a certificate: /,
  ],
  [
    'a file that is not there',
    kubeconfig(cluster({ 'certificate-authority': 'missing.crt' })),
    /^clusters\[0\]\.cluster\.certificate-authority: cannot read .*missing\.crt: ENOENT/,
  ],
  [
    'a token file that is not there',
    kubeconfig(user({ tokenFile: 'missing' })),
    /^users\[0\]\.user\.tokenFile: cannot read /,
  ],
  [
    'a certificate without key',
    kubeconfig(user({ 'client-certificate': 'a' })),
    'users[0].user.client-key: is missing: the client-certificate needs its key',
  ],
  [
    'a key of another certificate',
    kubeconfig(user({ 'client-certificate': testdata('client.crt'), 'client-key': testdata('other.key') })),
    /^users\[0\]\.user\.client-key: is not the key of the certificate in .*users\[0\]\.user\.client-certificate$/,
  ],
  [
    'a key that is none',
    kubeconfig(user({ 'client-certificate': testdata('client.crt'), 'client-key': testdata('ca.crt') })),
    /^users\[0\]\.user\.client-key: is not a private key: /,
  ],
  ['a password', kubeconfig(user({ username: 'u' })), 'users[0].user.username: basic authentication is not supported'],
  [
    'groups of nobody',
    kubeconfig(user({ 'as-groups': ['g'] })),
    'users[0].user.as-groups: is nothing without as: name the user to act as',
  ],
  ['a uid of nobody', kubeconfig(user({ 'as-uid': 'u' })), /^users\[0\]\.user\.as-uid: is nothing without as/],
  [
    'extra that is no list',
    kubeconfig(user({ as: 'a', 'as-user-extra': { scopes: 'view' } })),
    'users[0].user.as-user-extra: must give a list of strings for each key',
  ],
  [
    'an auth provider',
    kubeconfig(user({ 'auth-provider': { name: 'oidc' } })),
    'users[0].user.auth-provider: auth providers are not supported: use an exec plug-in',
  ],
  ['a plug-in and a token', kubeconfig(user({ exec: {} })), /^users\[0\]\.user\.exec: cannot stand beside a token/],
  [
    'an old plug-in version',
    kubeconfig(execUser({ apiVersion: 'client.authentication.k8s.io/v1alpha1' })),
    /^users\[0\]\.user\.exec\.apiVersion: must be one of /,
  ],
  ['a plug-in without command', kubeconfig(execUser({ command: '' })), 'users[0].user.exec.command: is missing'],
  ['plug-in arguments', kubeconfig(execUser({ args: [1] })), 'users[0].user.exec.args: must be a list of strings'],
  [
    'a plug-in variable without name',
    kubeconfig(execUser({ env: [{ value: 'x' }] })),
    'users[0].user.exec.env[0].name: is missing',
  ],
  [
    'a plug-in that asks',
    kubeconfig(execUser({ interactiveMode: 'Always' })),
    /^users\[0\]\.user\.exec\.interactiveMode: /,
  ],
];

test.each(mistakes)('mistake: %s', async (_, document, problem) => {
  const file = await save(document);
  const fault = await loadKubeconfig(file, { run: noRun }).catch((error: unknown) => error);
  expect(fault).toMatchObject({ name: 'Fault', kind: 'invalid' });
  const { message } = fault as Error;
  expect(message.slice(0, file.length + 2)).toBe(`${file}: `);
  const rest = message.slice(file.length + 2);
  expect(rest).toMatch(problem);
  expect(message).not.toContain('secret');
});

test('mistake: no such file', async () => {
  const file = path.join(folder, 'none');
  await expect(loadKubeconfig(file, { run: noRun })).rejects.toThrow(`${file}: cannot be read: ENOENT`);
});
