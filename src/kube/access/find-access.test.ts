import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { run } from '../../exec/run.ts';
import { startFakeApi } from '../fake-api.ts';
import { NODES } from '../resource.ts';
import { createKubeClient } from '../rest/rest-client.ts';
import { findAccess } from './find-access.ts';

const never = new AbortController().signal;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'access-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A kubeconfig with contexts `dev` (current) and `prod`, whose servers carry the file's name. */
async function save(name: string, user: object = {}, server?: string): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  const clusterAt = (context: string) => ({ server: server ?? `http://${path.basename(name)}-${context}` });
  const contexts = ['dev', 'prod'];
  await writeFile(
    file,
    stringify({
      'current-context': 'dev',
      contexts: contexts.map((context) => ({ name: context, context: { cluster: context, user: 'u' } })),
      clusters: contexts.map((context) => ({ name: context, cluster: clusterAt(context) })),
      users: [{ name: 'u', user }],
    }),
  );
  return file;
}

test('the flag comes before KUBECONFIG, that before the service account, and that before the own file', async () => {
  const kubeconfig = await save('flag');
  const KUBECONFIG = ['', path.join(folder, 'missing'), await save('first'), await save('second')].join(':');
  await save('.kube/config');
  const serviceAccount = path.join(folder, 'account');
  await mkdir(serviceAccount);
  for (const name of ['token', 'ca.crt', 'namespace']) await writeFile(path.join(serviceAccount, name), name);
  const pod = { KUBERNETES_SERVICE_HOST: 'pod', KUBERNETES_SERVICE_PORT: '6443' };
  const found = async (env: object, flags: { kubeconfig?: string; context?: string } = {}): Promise<string> => {
    const options = { run, env: { HOME: folder, ...env }, serviceAccount };
    return (await findAccess({ kubeconfig: undefined, context: undefined, ...flags }, options)).server.host;
  };

  expect(await found({ KUBECONFIG, ...pod }, { kubeconfig })).toBe('flag-dev');
  expect(await found({ KUBECONFIG, ...pod })).toBe('first-dev');
  expect(await found({ KUBECONFIG: '', ...pod })).toBe('pod:6443');
  expect(await found({})).toBe('config-dev');
  expect(await found({ KUBECONFIG, ...pod }, { context: 'prod' })).toBe('first-prod');
  expect(await found(pod, { context: 'prod' })).toBe('config-prod');
  await expect(found({ KUBECONFIG: '/missing:/gone' })).rejects.toMatchObject({ kind: 'precondition' });
  await expect(found({ HOME: '/missing' })).rejects.toThrow('give --kubeconfig, KUBECONFIG or /missing/.kube/config');
});

test.each(['', '# nothing yet\n', '---\n'])(
  'a file of KUBECONFIG that says nothing (%j) is passed over',
  async (text) => {
    const empty = path.join(folder, 'empty');
    await writeFile(empty, text);
    const found = (files: readonly string[]): Promise<{ server: URL }> =>
      findAccess({ kubeconfig: undefined, context: undefined }, { run, env: { KUBECONFIG: files.join(':') } });
    expect((await found([empty, await save('full')])).server.host).toBe('full-dev');
    await expect(found([empty])).rejects.toThrow(`${empty}: current-context: is missing`);
  },
);

test('whom to act as is told with every call', async () => {
  await using api = await startFakeApi(() => ({ body: {} }));
  const user = {
    token: 'mine',
    as: 'Zoë',
    'as-uid': 'u-1',
    'as-groups': ['dev', 'ops'],
    'as-user-extra': { 'example.org/scopes': ['view', 'edit'], '50%': ['x'] },
  };
  const kubeconfig = await save('config', user, api.server.href);
  const access = await findAccess({ kubeconfig, context: undefined }, { run, env: {} });
  const client = createKubeClient(access, { userAgent: 'test' });
  await client.get(NODES, { name: 'n' }, never);
  client.close();
  const headersDistinct = api.seen[0]?.raw.headersDistinct;
  const utf8 = (text = ''): string => Buffer.from(text, 'latin1').toString('utf8');
  expect(headersDistinct?.['impersonate-user']?.map(utf8)).toEqual(['Zoë']);
  expect(headersDistinct).toMatchObject({
    authorization: ['Bearer mine'],
    'impersonate-uid': ['u-1'],
    'impersonate-group': ['dev', 'ops'],
    'impersonate-extra-example.org%2fscopes': ['view', 'edit'],
    'impersonate-extra-50%25': ['x'],
  });
});

test('a credential plug-in has the whole environment, with its own variables over it', async () => {
  await using api = await startFakeApi(() => ({ body: {} }));
  const program = path.join(folder, 'login');
  const status = `{"token":"'"$AWS_PROFILE-$REGION-$HOME"'"}`;
  const text = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":${status}}`;
  await writeFile(program, `#!/bin/sh\nprintf '%s' '${text}'\n`, { mode: 0o700 });
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: program,
    env: [{ name: 'REGION', value: 'its-own' }],
  };
  const kubeconfig = await save('config', { exec }, api.server.href);
  const env = { AWS_PROFILE: 'team', REGION: 'ours', HOME: '/home/me' };
  const access = await findAccess({ kubeconfig, context: undefined }, { run, env });
  expect((await access.identity(never)).token).toBe('team-its-own-/home/me');
});

test('the environment names a proxy where the kubeconfig names none', async () => {
  const kubeconfig = await save('flag');
  const proxyOf = async (file: string): Promise<string | undefined> => {
    const env = { HTTP_PROXY: 'proxy.example:3128', NO_PROXY: 'flag-prod' };
    const find = (context: string) => findAccess({ kubeconfig: file, context }, { run, env });
    return `${(await find('dev')).proxy?.href} ${(await find('prod')).proxy?.href}`;
  };
  expect(await proxyOf(kubeconfig)).toBe('http://proxy.example:3128/ undefined');
  const text = await readFile(kubeconfig, 'utf8');
  await writeFile(kubeconfig, text.replaceAll(/( +)server: .*/g, '$&\n$1proxy-url: http://named:1'));
  expect(await proxyOf(kubeconfig)).toBe('http://named:1/ http://named:1/');
});
