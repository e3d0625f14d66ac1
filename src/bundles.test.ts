import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { VERSION } from './version.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

let dist: string;

beforeAll(async () => {
  dist = await mkdtemp(path.join(tmpdir(), 'open-local-bundles-'));
  const root = path.dirname(import.meta.dirname);
  await promisify(execFile)(process.execPath, [path.join(root, 'build.ts'), dist], { cwd: root });
});
afterAll(() => rm(dist, { recursive: true, force: true }));

/** The npm packages and folders of ours that a bundle holds, from the metafile its build wrote. */
async function contents(bundle: string): Promise<{ packages: Set<string>; folders: Set<string> }> {
  const { inputs } = JSON.parse(await readFile(path.join(dist, `${bundle}.meta.json`), 'utf8')) as {
    inputs: Record<string, unknown>;
  };
  const packages = new Set<string>();
  const folders = new Set<string>();
  for (const file of Object.keys(inputs)) {
    const [, inPackage] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(file) ?? [];
    if (inPackage) packages.add(inPackage);
    else folders.add(path.dirname(file).split('/')[1] ?? '');
  }
  return { packages, folders };
}

test('the agent never contains Fastify, undici or the full Kubernetes client', async () => {
  const { packages, folders } = await contents('agent');
  expect([...packages]).toContain('@grpc/grpc-js');
  expect([...packages].filter((name) => ['fastify', 'undici', '@kubernetes/client-node'].includes(name))).toEqual([]);
  expect(
    [...folders].filter((name) => ['extender', 'operator', 'sandbox', 'apiserver', 'capacity'].includes(name)),
  ).toEqual([]);
});

test('the operator contains Fastify, and no full Kubernetes client', async () => {
  const { packages, folders } = await contents('open-local');
  expect([...packages]).toContain('fastify');
  expect([...packages]).not.toContain('@kubernetes/client-node');
  expect([...folders]).toContain('extender');
});

test('the program tells the version of the package', async () => {
  const { version } = JSON.parse(
    await readFile(path.join(path.dirname(import.meta.dirname), 'package.json'), 'utf8'),
  ) as {
    version: string;
  };
  expect(VERSION).toBe(version);
});
