import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { createApiServer } from './api-server.ts';
import { parseManifest } from './manifest.ts';

const root = path.join(import.meta.dirname, '../..');
const server = createApiServer();
let url: string;
beforeAll(async () => {
  url = await server.listen();
});
afterAll(() => server.close());

interface Served {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
}

async function resourcesOf(apiVersion: string): Promise<readonly Served[]> {
  const reply = await fetch(`${url}/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`);
  return reply.ok ? ((await reply.json()) as { resources: Served[] }).resources : [];
}

/** Creates an object as kubectl does: it asks what is served, and finds the path by the object's kind. */
async function create(object: KubeObject & { apiVersion?: string; kind?: string }): Promise<string> {
  const { apiVersion = '', kind = '', metadata } = object;
  const served = (await resourcesOf(apiVersion)).find((one) => one.kind === kind && !one.name.includes('/'));
  if (!served) return `no ${apiVersion} ${kind} is served`;
  const place = served.namespaced ? `namespaces/${metadata.namespace ?? 'default'}/` : '';
  const base = `${url}/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}/${place}${served.name}`;
  const headers = { 'content-type': 'application/json' };
  const { status } = await fetch(base, { method: 'POST', headers, body: JSON.stringify(object) });
  return [201, 409].includes(status) ? 'created' : `${kind} ${metadata.name}: ${status}`;
}

const isNamespace = ({ kind }: { kind?: string }): boolean => kind === 'Namespace';

test('all that people apply of this checkout is served', async () => {
  const patterns = ['crds/*.yaml', 'deploy/*.yaml', 'examples/*/*.yaml', 'examples/{nlsc,limits}.yaml'];
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: root }));
  const objects = files
    .filter((file) => !file.endsWith('kustomization.yaml') && !file.startsWith('examples/demo/'))
    .flatMap((file) => parseManifest(readFileSync(path.join(root, file), 'utf8'), file))
    // The kinds of snapshots are not a new cluster's: test/demo and ring 4 play their examples.
    .filter(({ apiVersion }) => !/^(group)?snapshot\.storage\.k8s\.io\//.test(apiVersion ?? ''));
  const outcomes = new Set<string>();
  const first = objects.filter(isNamespace);
  for (const object of [...first, ...objects]) outcomes.add(await create(object));
  expect([...outcomes]).toEqual(['created']);
  expect(objects.length).toBeGreaterThan(20);
});

test('kinds that people write have the names that people type', async () => {
  const groups = ['v1', 'apps/v1', 'batch/v1', 'policy/v1', 'scheduling.k8s.io/v1', 'storage.k8s.io/v1'];
  const served = (await Promise.all(groups.map(resourcesOf))).flat();
  const names = Object.fromEntries(served.map(({ name, shortNames = [] }) => [name, shortNames.join()]));
  expect(names).toMatchObject({
    configmaps: 'cm',
    services: 'svc',
    serviceaccounts: 'sa',
    namespaces: 'ns',
    deployments: 'deploy',
    replicasets: 'rs',
    daemonsets: 'ds',
    statefulsets: 'sts',
    jobs: '',
    cronjobs: 'cj',
    poddisruptionbudgets: 'pdb',
    priorityclasses: 'pc',
    storageclasses: 'sc',
  });
});

test.each([
  ['a selector that does not find its own pods', 'apps/v1', 'Deployment', { matchLabels: { app: 'other' } }],
  ['no selector', 'apps/v1', 'DaemonSet', undefined],
  ['pods that never end', 'batch/v1', 'Job', undefined],
])('a workload with %s is refused', async (_, apiVersion, kind, selector) => {
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a', image: 'a' }] } };
  const object = { apiVersion, kind, metadata: { name: 'refused' }, spec: { selector, template } };
  expect(await create(object as KubeObject)).toBe(`${kind} refused: 422`);
});
