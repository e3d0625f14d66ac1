import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createFakeRun } from '../../exec/fake-run.ts';
import { loadKubeconfig } from './kubeconfig.ts';

const never = new AbortController().signal;
const { run } = createFakeRun(() => undefined);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kubeconfigs-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function save(name: string, document: object): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, stringify(document));
  return file;
}

test('of several files the first that has a value or a name wins, as a whole', async () => {
  const one = await save('one', {
    contexts: [{ name: 'dev', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user: { token: 'of-one' } }],
  });
  const two = await save('two', {
    'current-context': 'dev',
    contexts: [{ name: 'dev', context: { cluster: 'elsewhere', user: 'nobody', namespace: 'of-two' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://two:1' } }],
    users: [{ name: 'u', user: { token: 'of-two', 'as-groups': ['unseen'] } }],
  });
  const three = await save('three', {
    'current-context': 'unseen',
    clusters: [{ name: 'c', cluster: { server: 'https://three:1', 'tls-server-name': 'unseen' } }],
    contexts: [{ name: 'other', context: { cluster: 'c', namespace: 'of-three' } }],
  });
  const access = await loadKubeconfig([one, two, three], { run });
  expect(access).toMatchObject({ namespace: 'default', serverName: undefined });
  expect(access.server.href).toBe('https://two:1/');
  expect((await access.identity(never)).token).toBe('of-one');

  const other = await loadKubeconfig([one, two, three], { run, context: 'other' });
  expect(other.namespace).toBe('of-three');
  expect(other.server.href).toBe('https://two:1/');
});

test('a relative file lies beside the kubeconfig that names it', async () => {
  const cluster = { server: 'https://one:1' };
  const one = await save('one', { 'current-context': 'dev', clusters: [{ name: 'c', cluster }] });
  const inner = await mkdtemp(path.join(folder, 'inner-'));
  const two = await save(`${path.basename(inner)}/two`, {
    contexts: [{ name: 'dev', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user: { tokenFile: 'token' } }],
  });
  await writeFile(path.join(inner, 'token'), 'beside-two');
  expect((await (await loadKubeconfig([one, two], { run })).identity(never)).token).toBe('beside-two');
});

test('a mistake names the file that has it', async () => {
  const one = await save('one', { contexts: [{ name: 'dev', context: { cluster: 'c' } }] });
  const two = await save('two', { 'current-context': 'gone' });
  await expect(loadKubeconfig([one, two], { run })).rejects.toThrow(
    `${two}: current-context: names "gone", which is not in contexts`,
  );
  await expect(loadKubeconfig([one, two], { run, context: 'dev' })).rejects.toThrow(
    `${one}: contexts[0].context.cluster: names "c", which is not in clusters`,
  );
  await expect(loadKubeconfig([one], { run })).rejects.toThrow(`${one}: current-context: is missing`);
});
