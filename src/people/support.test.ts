import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runForPeople, startPeopleCluster, waitingPod } from '../../test/rig/people-cluster.ts';
import type { SickCluster } from '../../test/rig/sick-cluster.ts';
import { PODS } from '../kube/resource.ts';
import { SECRETS } from '../operator/serving/keep-certificates.ts';

/** One archive, made once; what it has is looked at with the tar of the machine. */

const SECRET = 'hunter2';
let cluster: SickCluster;
let folder: string;
let archive: string;
let told: Awaited<ReturnType<typeof runForPeople>>;
beforeAll(async () => {
  [cluster, folder] = [await startPeopleCluster(), await mkdtemp(path.join(tmpdir(), 'open-local-support-'))];
  const pod = waitingPod('with-secrets', ['huge']);
  await cluster.put(PODS, {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': `{"env":"${SECRET}"}`,
        'example.org/token': SECRET,
        'scheduler.kubernetes.io/note': 'kept',
      },
    },
    spec: {
      ...pod.spec,
      containers: [
        { name: 'main', image: 'example.org/a:1', args: [SECRET], env: [{ name: 'PASSWORD', value: SECRET }] },
      ],
    },
  } as never);
  archive = path.join(folder, 'found.tar.gz');
  told = await runForPeople(cluster, ['support', '-o', archive], 1000);
  await promisify(execFile)('tar', ['-xzf', archive, '-C', folder]);
}, 120_000);
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const read = (name: string): Promise<string> => readFile(path.join(folder, name), 'utf8');
const namesIn = async (kind: string): Promise<readonly string[]> =>
  (JSON.parse(await read(`objects/${kind}.json`)) as { metadata: { name: string } }[]).map(
    ({ metadata }) => metadata.name,
  );

test('it has what the commands say, and the objects behind it', async () => {
  expect(await read('top-nodes.txt')).toMatch(/^worker-1 +700Gi +460Gi/m);
  expect(await read('disks.txt')).toContain('/dev/sdc carries filesystem ext4');
  expect(await read('doctor.txt')).toMatch(/things? broken/);
  expect(await namesIn('localvolumes')).toEqual(expect.arrayContaining(['local-pool-0-0', 'data-of-a-tenant']));
  expect(await namesIn('persistentvolumeclaims')).toContain('huge');
  expect(await namesIn('pods')).toEqual(expect.arrayContaining(['archive', 'with-secrets']));
  expect(await namesIn('deployments')).not.toEqual([]);
  expect(await read('objects/pods.json')).toContain('"scheduler.kubernetes.io/note": "kept"');
});

test('what may be a secret is nowhere in it', async () => {
  const bytes = gunzipSync(await readFile(archive)).toString('latin1');
  expect(bytes).toContain('with-secrets');
  expect(bytes).not.toContain(SECRET);
  expect(bytes).not.toContain('managedFields');
  // doctor looks at the certificates of the extender, which are in Secrets.
  const secrets = await cluster.client.list(SECRETS, {}, new AbortController().signal);
  const texts = secrets.items.flatMap(({ data = {} }) => Object.values(data));
  expect(texts.length).toBeGreaterThan(2);
  expect(
    texts.filter((text) => bytes.includes(text) || bytes.includes(Buffer.from(text, 'base64').toString())),
  ).toEqual([]);
});

test('README.txt lists each file with its size, and what could not be looked at', async () => {
  const text = await read('README.txt');
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile() && each.name !== 'README.txt' && each.name !== 'found.tar.gz')
    .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)));
  expect(files.length).toBeGreaterThan(20);
  for (const name of files) {
    const { size } = await stat(path.join(folder, name));
    expect(text).toMatch(new RegExp(`^ +${size}  ${name}$`, 'm'));
  }
  expect(told.stdout).toMatch(new RegExp(`^${archive}: ${files.length + 1} files, `));
});

test('the archive is its owner’s alone, and a file that is there is not overwritten', async () => {
  expect((await stat(archive)).mode & 0o777).toBe(0o600);
  const other = path.join(folder, 'mine');
  await writeFile(other, 'mine');
  const { stderr, code } = await runForPeople(cluster, ['support', '-o', other], 1000);
  expect(stderr).toContain(`${other} cannot be written: EEXIST`);
  expect([code, await readFile(other, 'utf8')]).toEqual([2, 'mine']);
}, 120_000);
