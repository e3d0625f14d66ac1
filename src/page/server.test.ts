import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOurApi, type OurApi } from '../../test/rig/our-api.ts';
import { silentLog, type Log, type LogFields } from '../model/log.ts';
import { createFakeClock, type FakeClock } from '../wait/fake-clock.ts';
import { createGate } from './gate.ts';
import { createPage } from './server.ts';
import type { PageSource, PageState } from './source.ts';
import type { Page } from './wire.ts';

let ours: OurApi;
let clock: FakeClock;
let state: PageState;
let reviews: string[];
let logged: [LogFields, string][];
let call: (path: string, token?: string, headers?: Record<string, string>) => Promise<Response>;
let asked: unknown[];
const cleanups: (() => unknown)[] = [];

const NAMES = ['a', 'b', 'c', 'd'];
/** Says which rows are asked for, and nothing of a cluster. */
const source: PageSource = {
  notReady: () => undefined,
  overview: async (sees) => ({ ...(sees.pods && { pods: { waiting: 1 } }) }),
  nodes: async ({ after = '', limit, search }) => {
    const found = NAMES.filter((name) => name > after && name.includes(search));
    const rows = found.slice(0, limit).map((name) => ({ name }) as never);
    return { rows, all: NAMES.length, ...(found.length > limit && { last: found[limit - 1]! }) };
  },
  node: (name, sees) => (name === 'a' ? ({ name, sees } as never) : undefined),
  volumes: async (ask, of) => (asked.push(of), { rows: [], all: 0 }),
  pods: async (ask, namespace) => (asked.push(namespace), { rows: [], all: 0 }),
  pod: async (key) => (key.name === 'waits' ? ({ asks: [key.namespace] } as never) : undefined),
  classes: () => ['lvm'],
  whatIf: async (claims, { search }) => (asked.push({ claims, search }), { asks: [], nodes: 0, fits: 0, more: 0 }),
};

beforeEach(async () => {
  ours = await startOurApi();
  clock = createFakeClock();
  // lru-cache takes what came at zero for what has no time.
  await clock.advance(1);
  state = { source };
  [reviews, logged, asked] = [[], [], []];
  const client: Pick<typeof ours.client, 'create'> = {
    create: (resource, object, signal) => (reviews.push(resource.kind), ours.client.create(resource, object, signal)),
  };
  const write = (fields: LogFields, message: string): void => void logged.push([fields, message]);
  const log: Log = { ...silentLog, info: write, warn: write, error: write };
  const files = { '/': { type: 'text/html', text: '<!doctype html>' } };
  const app = createPage({ gate: createGate({ client, clock, log }), state: () => state, files, log });
  cleanups.push(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  call = (path, token, headers = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await ours.close();
});

/** A ServiceAccount that may list these, as `resource.group` or `resource` of the core, and its token. */
async function accountWith(name: string, ...resources: string[]): Promise<string> {
  const rules = resources.map((each) => {
    const [resource = '', ...group] = each.split('.');
    return { apiGroups: [group.join('.')], resources: [resource], verbs: ['list'] };
  });
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  const subjects = [{ kind: 'ServiceAccount', name, namespace: 'default' }];
  ours.api.load(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } },
    { ...rbac, kind: 'ClusterRole', rules } as never,
    { ...rbac, kind: 'ClusterRoleBinding', roleRef, subjects } as never,
  );
  const [, server] = /server: "?([^\s"]+)/.exec(ours.api.kubeconfig()) ?? [];
  const answer = await fetch(`${server}/api/v1/namespaces/default/serviceaccounts/${name}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: {} }),
  });
  return ((await answer.json()) as { status: { token: string } }).status.token;
}

const ALL = [
  'nodelocalstorages.csi.aliyun.com',
  'localvolumes.csi.aliyun.com',
  'pods',
  'storageclasses.storage.k8s.io',
];
const API = [
  ...['/api/me', '/api/overview', '/api/nodes', '/api/nodes/a', '/api/volumes', '/api/pods', '/api/pods/ns/waits'],
  ...['/api/classes', '/api/what-if?claim=1Gi,lvm'],
];

test.each(API)('%s is answered to nobody without a token, and asks nobody for it', async (path) => {
  const answer = await call(path);
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  expect(await answer.json()).toEqual({ error: expect.stringContaining('log in') });
  expect(reviews).toEqual([]);
});

test.each([
  ['/api/nodes', 'nodelocalstorages.csi.aliyun.com'],
  ['/api/nodes/a', 'nodelocalstorages.csi.aliyun.com'],
  ['/api/what-if?claim=1Gi,lvm', 'nodelocalstorages.csi.aliyun.com'],
  ['/api/volumes', 'localvolumes.csi.aliyun.com'],
  ['/api/pods', 'pods in all of the cluster'],
  ['/api/pods?namespace=shop', 'pods in namespace shop'],
  ['/api/pods/shop/waits', 'pods in namespace shop'],
  ['/api/classes', 'storageclasses.storage.k8s.io'],
])('%s is refused to whoever may see all but that, with the right that is missing', async (path, right) => {
  const [resource = ''] = right.split(' ');
  const token = await accountWith('viewer', ...ALL.filter((each) => each !== resource));
  const answer = await call(path, token);
  expect(answer.status).toBe(403);
  const said = `system:serviceaccount:default:viewer may not list ${right}`;
  expect(await answer.json()).toEqual({ error: expect.stringContaining(said) });
  expect((await call(path, await accountWith('other', resource))).status).toBe(200);
});

test('what may not be seen is left out of what may', async () => {
  const token = await accountWith('viewer', 'nodelocalstorages.csi.aliyun.com');
  const json = async (path: string): Promise<unknown> => (await call(path, token)).json();
  expect(await json('/api/me')).toEqual({
    user: 'system:serviceaccount:default:viewer',
    sees: { nodes: true, volumes: false, pods: false, classes: false },
  });
  expect(await json('/api/overview')).toEqual({});
  expect(await json('/api/nodes/a')).toEqual({ name: 'a', sees: { volumes: false } });
});

test('a right in one namespace shows the pods of that namespace alone', async () => {
  const token = await accountWith('viewer');
  const metadata = { name: 'pods', namespace: 'shop' };
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata };
  const subjects = [{ kind: 'ServiceAccount', name: 'viewer', namespace: 'default' }];
  ours.api.load(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
    { ...rbac, kind: 'Role', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] } as never,
    { ...rbac, kind: 'RoleBinding', roleRef: { kind: 'Role', name: 'pods' }, subjects } as never,
  );
  const statuses = ['/api/pods', '/api/pods?namespace=bank', '/api/pods?namespace=shop', '/api/pods/shop/waits'].map(
    async (path) => (await call(path, token)).status,
  );
  expect(await Promise.all(statuses)).toEqual([403, 403, 200, 200]);
  expect(asked).toEqual(['shop']);
});

test('a token and a right are asked about once in half a minute, however much is looked at', async () => {
  const token = await accountWith('viewer', ...ALL);
  await Promise.all(Array.from({ length: 20 }, () => call('/api/nodes', token)));
  expect(reviews.toSorted()).toEqual(['SubjectAccessReview', 'TokenReview']);
  await ours.client.delete(
    { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
    { name: 'viewer', namespace: 'default' },
    new AbortController().signal,
  );
  await clock.advance(29_000);
  expect((await call('/api/nodes', token)).status).toBe(200);
  await clock.advance(1001);
  expect((await call('/api/nodes', token)).status).toBe(401);
});

test('strangers are bounded, are not asked about twice, and do not keep out who was let in', async () => {
  const token = await accountWith('viewer', ...ALL);
  expect((await call('/api/nodes', token)).status).toBe(200);
  const statuses: number[] = [];
  for (let i = 0; i < 30; i += 1) statuses.push((await call('/api/nodes', `wrong-${i}`)).status);
  expect(statuses.filter((status) => status === 401)).toHaveLength(19);
  expect(statuses.at(-1)).toBe(429);
  expect((await call('/api/nodes', 'wrong-0')).status).toBe(401);
  expect(reviews.filter((kind) => kind === 'TokenReview')).toHaveLength(20);
  await clock.advance(31_000);
  for (let i = 0; i < 30; i += 1) await call('/api/nodes', `more-${i}`);
  expect((await call('/api/nodes', token)).status).toBe(200);
});

test('the log has who was let in and that others were not, and no token', async () => {
  const token = await accountWith('viewer', ...ALL);
  await call('/api/nodes', token);
  await call('/api/nodes', 'not-a-token');
  expect(logged).toEqual([
    [expect.objectContaining({ user: 'system:serviceaccount:default:viewer' }), 'let in'],
    [expect.objectContaining({ code: 401 }), 'a token was refused'],
  ]);
  const text = JSON.stringify(logged);
  expect([text.includes(token), text.includes('not-a-token')]).toEqual([false, false]);
});

test.each(['', 'Basic dXNlcjpwYXNz', 'Bearer', 'Bearer a b', 'Bearer <x>', 'Bearer é'])(
  'the header %j is no token',
  async (authorization) => {
    expect((await call('/api/nodes', undefined, { authorization })).status).toBe(401);
    expect(reviews).toEqual([]);
  },
);

test('a token that names hundreds of groups is asked about like any other', async () => {
  expect((await call('/api/nodes', 'x'.repeat(100_000))).status).toBe(401);
  expect(reviews).toEqual(['TokenReview']);
});

test('without the API server nobody is let in, and the next one asks again', async () => {
  const token = await accountWith('viewer', ...ALL);
  ours.api.troubles.fail({ resource: 'tokenreviews' }, { code: 500 });
  const answer = await call('/api/nodes', token);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  expect((await call('/api/nodes', token)).status).toBe(200);
});

test('a list is read page by page; a token of another list or search is refused', async () => {
  const token = await accountWith('viewer', ...ALL);
  const page = async (query: string): Promise<Page<{ name: string }>> =>
    (await call(`/api/nodes${query}`, token)).json() as never;
  const first = await page('?limit=3');
  expect(first).toEqual({ rows: [{ name: 'a' }, { name: 'b' }, { name: 'c' }], all: 4, continue: expect.any(String) });
  expect(await page(`?limit=3&continue=${first.continue}`)).toEqual({ rows: [{ name: 'd' }], all: 4 });
  const refused = [
    `/api/nodes?search=a&continue=${first.continue}`,
    `/api/volumes?continue=${first.continue}`,
    '/api/nodes?continue=nonsense',
    `/api/nodes?continue=${Buffer.from('["x"').toString('base64url')}`,
    `/api/nodes?continue=${'x'.repeat(3000)}`,
    '/api/nodes?limit=101',
    '/api/nodes?limit=0',
    '/api/nodes?limit=1e1',
  ];
  for (const path of refused) expect([path, (await call(path, token)).status]).toEqual([path, 400]);
});

test.each([
  '',
  '?claim=',
  '?claim=10Gi',
  '?claim=10Gi,',
  '?claim=10Gx,lvm',
  '?claim=0,lvm',
  '?claim=1Gi,a,b',
  '?claim=-1Gi,a',
])('what if%j is refused with what is wrong', async (query) => {
  const answer = await call(`/api/what-if${query}`, await accountWith('viewer', ...ALL));
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { error: expect.stringMatching(/SIZE|size|Gi|quantity/) },
  ]);
});

test('what if: claims and a part of a node name are given on', async () => {
  const token = await accountWith('viewer', ...ALL);
  expect((await call('/api/what-if?claim=10Gi,lvm&claim=1G,ssd&node=Rack-1', token)).status).toBe(200);
  const claims = [
    { size: 10 * 2 ** 30, storageClass: 'lvm' },
    { size: 1e9, storageClass: 'ssd' },
  ];
  expect(asked).toEqual([{ claims, search: 'rack-1' }]);
  const many = Array.from({ length: 9 }, () => 'claim=1Gi,lvm').join('&');
  expect((await call(`/api/what-if?${many}`, token)).status).toBe(400);
});

test('an answer that is as before is not sent again, and none is stored by the browser', async () => {
  const token = await accountWith('viewer', ...ALL);
  const first = await call('/api/nodes', token);
  const tag = first.headers.get('etag') ?? '';
  expect(first.headers.get('cache-control')).toBe('no-store');
  const second = await call('/api/nodes', token, { 'if-none-match': tag });
  expect([second.status, await second.text()]).toEqual([304, '']);
  expect((await call('/api/nodes?search=a', token, { 'if-none-match': tag })).status).toBe(200);
});

test.each(['/', '/api/nodes', '/nowhere'])('%s allows browsers nothing but what is from here', async (path) => {
  const { headers } = await call(path);
  expect(headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
  );
  expect(headers.get('content-security-policy')).not.toContain('unsafe');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('access-control-allow-origin')).toBeNull();
  expect(headers.get('set-cookie')).toBeNull();
});

test('a replica that waits says who leads, before it asks who it is told by', async () => {
  state = { leader: 'operator-1' };
  const answer = await call('/api/nodes');
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { error: expect.stringContaining('pod operator-1 leads'), leader: 'operator-1' },
  ]);
  state = { source: { ...source, notReady: () => 'not listed yet: pods' } };
  expect([(await call('/api/nodes')).status, (await call('/')).status]).toEqual([503, 200]);
});

test('nothing is written: other methods are refused, and a pod that does not wait is not there', async () => {
  const token = await accountWith('viewer', ...ALL);
  expect((await call('/api/pods/shop/gone', token)).status).toBe(404);
  expect((await call('/api/nodes/gone', token)).status).toBe(404);
  expect((await call('/api/nodes/%ff', token)).status).toBe(400);
  const { url } = await call('/api/nodes');
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect((await fetch(url, { method })).status).toBe(405);
});
