import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/model/objects.ts';
import { type ApiServer, createApiServer } from './api-server.ts';

const crd = (name: string): string => readFileSync(path.join(import.meta.dirname, `../../crds/${name}.yaml`), 'utf8');
const configMap = (name: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
});

let server: ApiServer;
let url: string;
const asked: string[] = [];
beforeEach(async () => {
  asked.length = 0;
  server = createApiServer({
    crds: [crd('localvolumes')],
    historyLimit: 5,
    bookmarkMs: 10,
    now: () => Date.UTC(2026, 0, 1),
    onRequest: ({ verb, kind }) => asked.push(`${verb} ${kind.plural}`),
  });
  url = await server.listen();
});
afterEach(() => server.close());

async function ask(
  method: string,
  route: string,
  body?: unknown,
): Promise<{ code: number; body: Record<string, unknown> }> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': type } };
  const response = await fetch(url + route, { method, ...sent });
  const reply = await response.text();
  return { code: response.status, body: reply.startsWith('{') ? (JSON.parse(reply) as Record<string, unknown>) : {} };
}

/** The events of a watch until `enough`. */
async function events(
  query: string,
  enough: (event: { type: string }) => boolean,
): Promise<{ type: string; object: KubeObject }[]> {
  const found: { type: string; object: KubeObject }[] = [];
  const stop = new AbortController();
  const response = await fetch(`${url}/api/v1/configmaps?watch=1&${query}`, { signal: stop.signal });
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    for (const line of Buffer.from(chunk).toString().split('\n').filter(Boolean)) {
      found.push(JSON.parse(line) as { type: string; object: KubeObject });
    }
    if (found.some(enough)) break;
  }
  stop.abort();
  return found;
}

const isBookmark = ({ type }: { type: string }): boolean => type === 'BOOKMARK';

describe('seeding', () => {
  test('objects are loaded past HTTP, and loaded again over what is there', async () => {
    server.load(configMap('a', { labels: { x: 'y' } }), { ...configMap('b'), data: { k: '1' } } as KubeObject);
    server.load({ ...configMap('b'), data: { k: '2' } } as KubeObject);
    expect(server.stored('configmaps', 'b', 'default')).toMatchObject({ data: { k: '2' } });
    expect(server.stored('configmaps', 'c', 'default')).toBeUndefined();
    expect(asked).toEqual([]);
    await ask('GET', '/api/v1/namespaces/default/configmaps');
    expect(asked).toEqual(['list configmaps']);
  });

  test('what cannot be created cannot be loaded', () => {
    expect(() => server.load({ apiVersion: 'v1', kind: 'Nonsense', metadata: { name: 'a' } })).toThrow(
      /no matches for kind/,
    );
    const volume = {
      apiVersion: 'csi.aliyun.com/v1alpha1',
      kind: 'LocalVolume',
      metadata: { name: 'a' },
      spec: { nodeName: 'n' },
    };
    expect(() => server.load(volume as KubeObject)).toThrow(/spec.sizeBytes: Required value/);
  });

  test('times are those of the clock', () => {
    server.load(configMap('a'));
    expect(server.stored('configmaps', 'a', 'default')?.metadata.creationTimestamp).toBe('2026-01-01T00:00:00Z');
  });
});

test('the kubeconfig names the server', async () => {
  expect(parse(server.kubeconfig())).toMatchObject({
    clusters: [{ name: 'open-local', cluster: { server: url } }],
    contexts: [{ context: { cluster: 'open-local', user: 'anyone' } }],
    'current-context': 'open-local',
  });
  expect(() => createApiServer().kubeconfig()).toThrow(/does not listen/);
});

describe('namespaces', () => {
  const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } };

  test('a deleted namespace takes what is in it along', async () => {
    server.load(NAMESPACE, configMap('a', { namespace: 'n' }), configMap('a'));
    expect(await ask('DELETE', '/api/v1/namespaces/n')).toMatchObject({
      code: 200,
      body: { status: { phase: 'Terminating' } },
    });
    expect(server.stored('namespaces', 'n')).toBeUndefined();
    expect(server.stored('configmaps', 'a', 'n')).toBeUndefined();
    expect(server.stored('configmaps', 'a', 'default')).toBeDefined();
  });

  test('what is held holds its namespace, into which nothing new comes', async () => {
    server.load(NAMESPACE, configMap('a', { namespace: 'n', finalizers: ['x.y/z'] }));
    await ask('DELETE', '/api/v1/namespaces/n');
    expect(server.stored('namespaces', 'n')).toMatchObject({ status: { phase: 'Terminating' } });
    expect(await ask('POST', '/api/v1/namespaces/n/configmaps', configMap('b'))).toMatchObject({
      code: 403,
      body: { reason: 'Forbidden', details: { causes: [{ reason: 'NamespaceTerminating' }] } },
    });
    await ask('PATCH', '/api/v1/namespaces/n/configmaps/a', { metadata: { finalizers: null } });
    expect(server.stored('namespaces', 'n')).toBeUndefined();
  });

  test('default is not deleted', async () => {
    expect(await ask('DELETE', '/api/v1/namespaces/default')).toMatchObject({ code: 403 });
  });
});

describe('definitions', () => {
  const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const volumes = '/apis/csi.aliyun.com/v1alpha1/localvolumes';
  const volume = {
    apiVersion: 'csi.aliyun.com/v1alpha1',
    kind: 'LocalVolume',
    metadata: { name: 'a' },
    spec: { nodeName: 'n', kind: 'LVM', vgName: 'v', sizeBytes: 1, role: 'Volume' },
  };

  test('a kind goes with its definition, and its objects go too', async () => {
    server.load(volume);
    await ask('DELETE', `${CRDS}/localvolumes.csi.aliyun.com`);
    expect((await ask('GET', volumes)).code).toBe(404);
    server.load(parse(crd('localvolumes')) as KubeObject);
    expect(await ask('GET', volumes)).toMatchObject({ code: 200, body: { items: [] } });
  });

  test('a changed schema counts from then on', async () => {
    const definition = parse(crd('localvolumes')) as { spec: { versions: { schema: { openAPIV3Schema: object } }[] } };
    const [version] = definition.spec.versions;
    if (version) version.schema.openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    server.load(definition as unknown as KubeObject);
    expect((await ask('POST', volumes, { ...volume, spec: {} })).code).toBe(201);
  });

  test.each([
    [{}, 'spec.group'],
    [{ group: 'a.b', names: { plural: 'x', kind: 'X' }, versions: [{ name: 'v1' }] }, 'metadata.name'],
    [
      {
        group: 'a.b',
        names: { plural: 'y', kind: 'Y' },
        versions: [
          {
            name: 'v1',
            schema: {
              openAPIV3Schema: {
                properties: { spec: { items: { 'x-kubernetes-validations': [{ rule: 'self.x ==' }] } } },
              },
            },
          },
        ],
      },
      'properties[spec].items.x-kubernetes-validations[0].rule',
    ],
  ])('a definition such as %j is refused', async (spec, field) => {
    const body = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'y.a.b' },
      spec,
    };
    const { code, body: status } = await ask('POST', CRDS, body);
    expect([code, JSON.stringify(status)]).toEqual([422, expect.stringContaining(field)]);
  });
});

describe('watches', () => {
  test('bookmarks come by and by, with the version of the last write', async () => {
    server.load(configMap('a'));
    const { resourceVersion } = server.stored('configmaps', 'a', 'default')?.metadata ?? {};
    const [bookmark] = await events(`allowWatchBookmarks=true&resourceVersion=${resourceVersion}`, isBookmark);
    expect(bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion } } });
  });

  test('what happened is remembered only so long', async () => {
    server.load(configMap('a'));
    const { resourceVersion } = server.stored('configmaps', 'a', 'default')?.metadata ?? {};
    for (let i = 0; i < 20; i += 1) server.load({ ...configMap('a'), data: { i: String(i) } } as KubeObject);
    const [event] = await events(`resourceVersion=${resourceVersion}`, () => true);
    expect(event).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });

  test('a client that goes is forgotten', async () => {
    const stop = new AbortController();
    const response = await fetch(`${url}/api/v1/configmaps?watch=1`, { signal: stop.signal });
    stop.abort();
    await response.text().catch(() => '');
    await expect.poll(() => server.troubles.cutWatches('end')).toBe(0);
  });
});

test('kubectl finds what it needs to check fields and to explain them', async () => {
  const index = await ask('GET', '/openapi/v3');
  const version = 'apis/csi.aliyun.com/v1alpha1';
  expect(index.body).toMatchObject({
    paths: { 'api/v1': {}, [version]: { serverRelativeURL: `/openapi/v3/${version}` } },
  });
  const document = await ask('GET', `/openapi/v3/${version}`);
  expect(document.body).toMatchObject({
    paths: { [`/${version}/localvolumes/{name}`]: { patch: { parameters: [{ name: 'fieldValidation' }] } } },
    components: {
      schemas: {
        'apis.csi.aliyun.com.v1alpha1.LocalVolume': {
          properties: { spec: { type: 'object' } },
          'x-kubernetes-group-version-kind': [{ kind: 'LocalVolume' }],
        },
      },
    },
  });
  expect((await ask('GET', '/openapi/v3/apis/nope/v1')).code).toBe(404);
});

test('closing ends what is open', async () => {
  const response = await fetch(`${url}/api/v1/configmaps?watch=1`);
  const ended = response.text().catch((error: unknown) => error);
  await server.close();
  await ended;
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  server = createApiServer();
  await server.listen();
});
