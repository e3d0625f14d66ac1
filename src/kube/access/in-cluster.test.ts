import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createFakeClock } from '../../wait/fake-clock.ts';
import { inClusterAccess } from './in-cluster.ts';

const never = new AbortController().signal;
const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };

let serviceAccount: string;
beforeEach(async () => {
  serviceAccount = await mkdtemp(path.join(tmpdir(), 'service-account-'));
  await Promise.all([put('token', 'one'), put('ca.crt', 'authority'), put('namespace', 'storage')]);
});
afterEach(() => rm(serviceAccount, { recursive: true }));

const put = (name: string, text: string): Promise<void> => writeFile(path.join(serviceAccount, name), `${text}\n`);

test('the service account of the pod; its token rotates', async () => {
  const clock = createFakeClock();
  const access = await inClusterAccess({ env, serviceAccount, clock });
  expect(access).toMatchObject({ insecure: false, namespace: 'storage' });
  expect(access.server.href).toBe('https://[fd00::1]/');
  expect(await access.identity(never)).toEqual({ token: 'one', ca: 'authority' });

  await put('token', 'two');
  expect((await access.identity(never)).token).toBe('one');
  await clock.advance(60_000);
  expect((await access.identity(never)).token).toBe('two');
  await put('token', 'three');
  access.refused({});
  expect((await access.identity(never)).token).toBe('three');
});

test('files that the kubelet exchanges all at once: a folder behind a link that is replaced', async () => {
  const clock = createFakeClock();
  const mount = await mkdtemp(path.join(tmpdir(), 'projected-'));
  onTestFinished(() => rm(mount, { recursive: true }));
  const names = ['token', 'ca.crt', 'namespace'];
  const exchange = async (folder: string): Promise<void> => {
    await mkdir(path.join(mount, folder));
    for (const name of names) await writeFile(path.join(mount, folder, name), `${name} of ${folder}`);
    await symlink(folder, path.join(mount, '..data_tmp'));
    await rename(path.join(mount, '..data_tmp'), path.join(mount, '..data'));
  };
  await exchange('..2026_one');
  for (const name of names) await symlink(path.join('..data', name), path.join(mount, name));
  const access = await inClusterAccess({ env, serviceAccount: mount, clock });
  expect(await access.identity(never)).toEqual({ token: 'token of ..2026_one', ca: 'ca.crt of ..2026_one' });

  await exchange('..2026_two');
  await rm(path.join(mount, '..2026_one'), { recursive: true });
  await clock.advance(60_000);
  expect(await access.identity(never)).toEqual({ token: 'token of ..2026_two', ca: 'ca.crt of ..2026_two' });
});

test('outside of a cluster', async () => {
  await expect(inClusterAccess({ env: {}, serviceAccount })).rejects.toMatchObject({ kind: 'precondition' });
});

test.each(['token', 'ca.crt'])('without a readable %s', async (name) => {
  await put(name, '');
  await expect(inClusterAccess({ env, serviceAccount })).rejects.toThrow(`${name} is empty`);
  await rm(path.join(serviceAccount, name));
  await expect(inClusterAccess({ env, serviceAccount })).rejects.toMatchObject({ kind: 'invalid' });
});
