import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import type { Node, Pod } from '../../model/objects.ts';
import type { Identity } from '../access/access.ts';
import type { KubeClient } from '../client.ts';
import { ApiError, isAlreadyExists, isConflict, isGone, isNotFound } from '../errors.ts';
import { fakeAccess } from '../access/fake-access.ts';
import { refusal, startFakeApi } from '../fake-api.ts';
import { LOCAL_VOLUMES, NODES, PODS } from '../resource.ts';
import { createKubeClient } from './rest-client.ts';

const never = new AbortController().signal;
/** For a busy machine: it is the state that counts. */
const eventually = { timeout: 20_000 };
const options = { userAgent: 'open-local-test/1' };
const pem = (name: string): string => readFileSync(path.join(import.meta.dirname, '../testdata', name), 'utf8');

const failureOf = (promise: Promise<unknown>): Promise<ApiError> =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ApiError);
      return error as ApiError;
    },
  );

const pod: Pod = { metadata: { name: 'a', namespace: 'ns' } };
const SPEC = { nodeName: 'n', kind: 'LVM', vgName: 'g', sizeBytes: 1, role: 'Volume' } as const;
const podKey = { name: 'a', namespace: 'ns' };

interface Case {
  readonly name: string;
  readonly call: (client: KubeClient) => Promise<unknown>;
  readonly want: { readonly method: string; readonly url: string; readonly type?: string; readonly body?: unknown };
}

const cases: Case[] = [
  {
    name: 'get, namespaced core kind',
    call: (client) => client.get(PODS, podKey, never),
    want: { method: 'GET', url: '/api/v1/namespaces/ns/pods/a' },
  },
  {
    name: 'get, cluster-scoped kind of a group',
    call: (client) => client.get(LOCAL_VOLUMES, { name: 'v' }, never),
    want: { method: 'GET', url: '/apis/csi.aliyun.com/v1alpha1/localvolumes/v' },
  },
  {
    name: 'list, all namespaces, with selectors and pages',
    call: (client) =>
      client.list(
        PODS,
        { labelSelector: 'a in (b,c)', fieldSelector: 'spec.nodeName=n', limit: 5, continue: 'x=' },
        never,
      ),
    want: {
      method: 'GET',
      url: '/api/v1/pods?labelSelector=a+in+%28b%2Cc%29&fieldSelector=spec.nodeName%3Dn&limit=5&continue=x%3D',
    },
  },
  {
    name: 'list in a namespace',
    call: (client) => client.list(PODS, { namespace: 'ns' }, never),
    want: { method: 'GET', url: '/api/v1/namespaces/ns/pods' },
  },
  {
    name: 'create says the type, which items of a list lack',
    call: (client) => client.create(PODS, pod, never),
    want: {
      method: 'POST',
      url: '/api/v1/namespaces/ns/pods',
      type: 'application/json',
      body: { apiVersion: 'v1', kind: 'Pod', ...pod },
    },
  },
  {
    name: 'create of what may lose no field',
    call: (client) => client.create(LOCAL_VOLUMES, { metadata: { name: 'v' }, spec: SPEC }, never),
    want: {
      method: 'POST',
      url: `/apis/csi.aliyun.com/v1alpha1/localvolumes?fieldValidation=Strict`,
      type: 'application/json',
      body: { apiVersion: 'csi.aliyun.com/v1alpha1', kind: 'LocalVolume', metadata: { name: 'v' }, spec: SPEC },
    },
  },
  ...(['merge', 'json', 'apply'] as const).map((type) => ({
    name: `${type} patch of what may lose no field`,
    call: (client: KubeClient) =>
      client.patch(LOCAL_VOLUMES, { name: 'v' }, { type, body: [], fieldManager: 'me' }, never),
    want: expect.objectContaining({
      url: expect.stringMatching(/v\?(fieldManager=me&)?fieldValidation=Strict$/),
    }) as never,
  })),
  {
    name: 'its status, of which an old definition may drop some',
    call: (client) => client.patch(LOCAL_VOLUMES, { name: 'v' }, { type: 'json', body: [] }, never, 'status'),
    want: expect.objectContaining({ url: '/apis/csi.aliyun.com/v1alpha1/localvolumes/v/status' }) as never,
  },
  {
    name: 'update',
    call: (client) => client.update(NODES, { metadata: { name: 'n' } }, never),
    want: {
      method: 'PUT',
      url: '/api/v1/nodes/n',
      type: 'application/json',
      body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } },
    },
  },
  {
    name: 'update of the status',
    call: (client) => client.update(PODS, pod, never, 'status'),
    want: {
      method: 'PUT',
      url: '/api/v1/namespaces/ns/pods/a/status',
      type: 'application/json',
      body: { apiVersion: 'v1', kind: 'Pod', ...pod },
    },
  },
  {
    name: 'merge patch of the status',
    call: (client) => client.patch(PODS, podKey, { type: 'merge', body: { status: null } }, never, 'status'),
    want: {
      method: 'PATCH',
      url: '/api/v1/namespaces/ns/pods/a/status',
      type: 'application/merge-patch+json',
      body: { status: null },
    },
  },
  {
    name: 'JSON patch',
    call: (client) => client.patch(PODS, podKey, { type: 'json', body: [{ op: 'remove', path: '/a' }] }, never),
    want: {
      method: 'PATCH',
      url: '/api/v1/namespaces/ns/pods/a',
      type: 'application/json-patch+json',
      body: [{ op: 'remove', path: '/a' }],
    },
  },
  {
    name: 'apply says manager, force and type',
    call: (client) =>
      client.patch(PODS, podKey, { type: 'apply', body: { spec: 1 }, fieldManager: 'me', force: true }, never),
    want: {
      method: 'PATCH',
      url: '/api/v1/namespaces/ns/pods/a?fieldManager=me&force=true',
      type: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'Pod', spec: 1 },
    },
  },
  {
    name: 'delete with preconditions',
    call: (client) => client.delete(PODS, podKey, never, { preconditions: { uid: 'u' }, gracePeriodSeconds: 0 }),
    want: {
      method: 'DELETE',
      url: '/api/v1/namespaces/ns/pods/a',
      type: 'application/json',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u' }, gracePeriodSeconds: 0 },
    },
  },
  {
    name: 'a binding',
    call: (client) => client.createSub(PODS, podKey, 'binding', { kind: 'Binding' }, never),
    want: {
      method: 'POST',
      url: '/api/v1/namespaces/ns/pods/a/binding',
      type: 'application/json',
      body: { kind: 'Binding' },
    },
  },
];

test.each(cases)('request: $name', async ({ call, want }) => {
  await using api = await startFakeApi(() => ({ body: { items: [], metadata: {} } }));
  const client = createKubeClient(fakeAccess(api.server), options);
  await call(client);
  client.close();

  const [seen] = api.seen;
  expect(seen?.headers).toMatchObject({ accept: 'application/json', 'user-agent': 'open-local-test/1' });
  expect({
    method: seen?.method,
    url: seen?.raw.url,
    ...(seen?.body !== undefined && { type: seen.headers['content-type'], body: seen.body }),
  }).toEqual(want);
});

test('the server may live under a path', async () => {
  await using api = await startFakeApi(() => ({ body: {} }));
  const client = createKubeClient(fakeAccess(new URL('/clusters/a/', api.server)), options);
  await client.get(NODES, { name: 'n' }, never);
  client.close();
  expect(api.seen[0]?.path).toBe('/clusters/a/api/v1/nodes/n');
});

test('a namespaced object without its namespace is a bug of the caller', () => {
  const client = createKubeClient(fakeAccess(new URL('http://127.0.0.1:1')), options);
  expect(() => client.get(PODS, { name: 'a' }, never)).toThrow('Pod a needs a namespace');
});

test('a page tells its version and where to go on', async () => {
  await using api = await startFakeApi(({ query }) => ({
    body: query.has('continue')
      ? { items: null, metadata: { resourceVersion: '7' } }
      : { items: [{ metadata: { name: 'n' } }], metadata: { resourceVersion: '7', continue: 'more' } },
  }));
  const client = createKubeClient(fakeAccess(api.server), options);
  const page = await client.list<Node>(NODES, { limit: 1 }, never);
  expect(page).toEqual({ items: [{ metadata: { name: 'n' } }], resourceVersion: '7', continue: 'more' });
  expect(await client.list(NODES, { continue: 'more' }, never)).toEqual({ items: [], resourceVersion: '7' });
  client.close();
});

test.each([
  ['nothing', '{}'],
  ['null', 'null'],
  ['a text', '"ok"'],
  ['objects without their list', '[]'],
  ['a Status that comes as a success', '{"kind":"Status","metadata":{},"status":"Failure","code":403}'],
  ['one object', '{"kind":"Node","metadata":{"name":"n","resourceVersion":"7"}}'],
  ['words of a gateway', '{"error":"upstream","items":[]}'],
  ['without what is known of it', '{"items":[],"metadata":null}'],
  ['of a word', '{"items":"none","metadata":{}}'],
  ['a table', '{"kind":"Table","metadata":{"resourceVersion":"7"},"items":[]}'],
])('a list that is %s fails: all objects would be taken to be gone', async (_, text) => {
  await using api = await startFakeApi((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(text);
  });
  const client = createKubeClient(fakeAccess(api.server), options);
  const message = expect.stringContaining(`GET /api/v1/nodes: the answer is no list: ${text}`);
  const problem = { name: 'ApiError', reason: 'BadAnswer', message };
  await expect(client.list(NODES, {}, never)).rejects.toMatchObject(problem);
  await expect(client.listEach(NODES, {}, () => {}, never)).rejects.toMatchObject(problem);
  client.close();
});

test('100 calls in a row use one connection, over TLS too and also after refusals', async () => {
  const tls = { key: pem('server.key'), cert: pem('server.crt') };
  for (const [server, ca] of [[undefined, undefined] as const, [tls, pem('ca.crt')] as const]) {
    await using api = await startFakeApi(
      ({ method }) => (method === 'GET' ? { body: {} } : refusal(404, 'NotFound')),
      server,
    );
    const client = createKubeClient(fakeAccess(api.server, { identity: () => Promise.resolve({ ca }) }), options);
    for (let i = 0; i < 50; i += 1) {
      await client.get(NODES, { name: `n${i}` }, never);
      await failureOf(client.delete(NODES, { name: `n${i}` }, never));
    }
    client.close();
    expect({ calls: api.seen.length, connections: api.connections() }).toEqual({ calls: 100, connections: 1 });
  }
});

test('a server whose certificate is not of the given authority is not talked to; a client certificate is shown', async () => {
  const shown: unknown[] = [];
  const tls = {
    key: pem('server.key'),
    cert: pem('server.crt'),
    ca: pem('ca.crt'),
    requestCert: true,
    rejectUnauthorized: false,
  };
  await using api = await startFakeApi(({ raw }) => {
    const socket = raw.socket as TLSSocket;
    shown.push(socket.getPeerCertificate().subject?.CN);
    return { body: {} };
  }, tls);
  const clientWith = (identity: Identity, more = {}): KubeClient =>
    createKubeClient(fakeAccess(api.server, { identity: () => Promise.resolve(identity), ...more }), options);
  const mine = { ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('client.key') };

  const stranger = clientWith({});
  expect((await failureOf(stranger.get(NODES, { name: 'n' }, never))).message).toMatch(
    /^GET \/api\/v1\/nodes\/n: .*certificate/,
  );
  const otherName = clientWith(mine, { serverName: 'elsewhere.example' });
  expect((await failureOf(otherName.get(NODES, { name: 'n' }, never))).message).toContain('elsewhere.example');
  expect(shown).toEqual([]);

  const known = clientWith(mine, { serverName: 'kubernetes.example' });
  await known.get(NODES, { name: 'n' }, never);
  const insecure = clientWith({}, { insecure: true });
  await insecure.get(NODES, { name: 'n' }, never);
  expect(shown).toEqual(['client', undefined]);
  for (const client of [stranger, otherName, known, insecure]) client.close();
});

test('a log is text as it is, whatever its type, and one that is not there is told', async () => {
  await using api = await startFakeApi(({ headers, path }, response) => {
    expect(headers.accept).toBe('*/*');
    if (path.includes('/gone/')) return { status: 404, body: { kind: 'Status', message: 'pods "gone" not found' } };
    response.writeHead(200, { 'content-type': 'text/plain' }).end('{"level":30}\nno JSON\n');
    return undefined;
  });
  const client = createKubeClient(fakeAccess(api.server), options);
  const logOf = (name: string) => client.podLog({ namespace: 'ns', name }, { container: 'c', tailLines: 5 }, never);
  expect(await logOf('a')).toBe('{"level":30}\nno JSON\n');
  expect(api.seen[0]?.raw.url).toBe('/api/v1/namespaces/ns/pods/a/log?container=c&tailLines=5');
  expect((await failureOf(logOf('gone'))).message).toContain('pods "gone" not found');
  client.close();
});

test('a rotated client certificate is used for the next call', async () => {
  const shown: unknown[] = [];
  const tls = {
    key: pem('server.key'),
    cert: pem('server.crt'),
    ca: pem('ca.crt'),
    requestCert: true,
    rejectUnauthorized: false,
  };
  await using api = await startFakeApi(({ raw }) => {
    shown.push((raw.socket as TLSSocket).getPeerCertificate().subject?.CN);
    return { body: {} };
  }, tls);
  const identities: Identity[] = [
    { ca: pem('ca.crt') },
    { ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('client.key') },
  ];
  const client = createKubeClient(
    fakeAccess(api.server, { identity: () => Promise.resolve(identities.shift() ?? {}) }),
    options,
  );
  await client.get(NODES, { name: 'n' }, never);
  await client.get(NODES, { name: 'n' }, never);
  client.close();
  expect(shown).toEqual([undefined, 'client']);
});

const refusals = [
  { answer: refusal(404, 'NotFound', 'nodes "n" not found'), is: isNotFound, reason: 'NotFound' },
  { answer: refusal(409, 'Conflict'), is: isConflict, reason: 'Conflict' },
  { answer: refusal(409, 'AlreadyExists'), is: isAlreadyExists, reason: 'AlreadyExists' },
  { answer: refusal(410, 'Expired'), is: isGone, reason: 'Expired' },
  { answer: refusal(403, 'Forbidden'), is: () => true, reason: 'Forbidden' },
  { answer: { status: 500, body: 'upstream fell over' }, is: () => true, reason: 'InternalError' },
  { answer: { status: 302, body: '' }, is: () => true, reason: 'Unknown' },
];

test.each(refusals)(
  'a refusal with $answer.status is an ApiError with reason $reason',
  async ({ answer, is, reason }) => {
    await using api = await startFakeApi(() => answer);
    const client = createKubeClient(fakeAccess(api.server), options);
    const failure = await failureOf(client.get(NODES, { name: 'n' }, never));
    client.close();
    expect(failure).toMatchObject({ code: answer.status, reason, retryAfterMs: undefined });
    expect(is(failure)).toBe(true);
    const text =
      typeof answer.body === 'string' ? answer.body || 'Unknown' : (answer.body as { message: string }).message;
    expect(failure.message).toBe(`GET /api/v1/nodes/n: ${text}`);
  },
);

const inTenSeconds = new Date(Date.now() + 10_000).toUTCString();
test.each([
  { name: 'header in seconds', answer: { status: 429, headers: { 'retry-after': '3' }, body: '' }, want: [3000, 3000] },
  {
    name: 'header as a date',
    answer: { status: 503, headers: { 'retry-after': inTenSeconds }, body: '' },
    want: [1, 10_000],
  },
  {
    name: 'details of the Status',
    answer: { status: 503, body: { kind: 'Status', details: { retryAfterSeconds: 2 } } },
    want: [2000, 2000],
  },
])('how long to wait is told: $name', async ({ answer, want: [least = 0, most = 0] }) => {
  await using api = await startFakeApi(() => answer);
  const client = createKubeClient(fakeAccess(api.server), options);
  const { retryAfterMs } = await failureOf(client.get(NODES, { name: 'n' }, never));
  client.close();
  expect(retryAfterMs).toBeGreaterThanOrEqual(least);
  expect(retryAfterMs).toBeLessThanOrEqual(most);
  expect(api.seen).toHaveLength(1);
});

test('401: credentials are fetched anew, once', async () => {
  const tokens = ['old', 'new'];
  const refused: unknown[] = [];
  const access = {
    identity: () => Promise.resolve({ token: tokens[0] }),
    refused: (identity: Identity) => {
      refused.push(identity.token);
      tokens.shift();
    },
  };
  let accepted = 'Bearer new';
  await using api = await startFakeApi(({ headers }) =>
    headers.authorization === accepted ? { body: {} } : refusal(401, 'Unauthorized'),
  );
  const client = createKubeClient(fakeAccess(api.server, access), options);
  await client.get(NODES, { name: 'n' }, never);
  expect({ refused, connections: api.connections() }).toEqual({ refused: ['old'], connections: 1 });

  accepted = 'nothing';
  expect((await failureOf(client.get(NODES, { name: 'n' }, never))).code).toBe(401);
  expect(api.seen).toHaveLength(4);
  client.close();
});

test('no credentials: an ApiError without an answer', async () => {
  const access = { identity: () => Promise.reject(new Error('the plug-in is broken')) };
  const client = createKubeClient(fakeAccess(new URL('http://127.0.0.1:1'), access), options);
  const failure = await failureOf(client.get(NODES, { name: 'n' }, never));
  expect(failure).toMatchObject({ code: 0, reason: 'NoCredentials' });
  expect(failure.message).toBe('GET /api/v1/nodes/n: no credentials: the plug-in is broken');
});

test('a server that is not there', async () => {
  const api = await startFakeApi(() => {});
  await api[Symbol.asyncDispose]();
  const client = createKubeClient(fakeAccess(api.server), options);
  const failure = await failureOf(client.get(NODES, { name: 'n' }, never));
  expect(failure).toMatchObject({ code: 0, reason: 'Unreachable' });
  expect(failure.message).toContain('ECONNREFUSED');
});

test('a call that is never answered ends at its deadline, and frees its connection', async () => {
  const arrived = Promise.withResolvers<http.IncomingMessage>();
  await using api = await startFakeApi(({ raw }) => arrived.resolve(raw));
  const client = createKubeClient(fakeAccess(api.server), { ...options, timeoutMs: 50 });
  const failure = await failureOf(client.list(NODES, {}, never));
  expect(failure).toMatchObject({ code: 0, reason: 'Timeout' });
  expect(failure.message).toBe('GET /api/v1/nodes: no answer within 50 ms');
  await expect.poll(api.open, eventually).toBe(0);
  client.close();
});

test('an answer that stops half-way ends at the deadline; one that is cut off is an error', async () => {
  await using api = await startFakeApi(({ path }, response) => {
    response.writeHead(200).write('{"items":');
    if (path.endsWith('pods')) setImmediate(() => response.destroy());
  });
  const hasty = createKubeClient(fakeAccess(api.server), { ...options, timeoutMs: 50 });
  expect((await failureOf(hasty.list(NODES, {}, never))).reason).toBe('Timeout');
  hasty.close();
  const client = createKubeClient(fakeAccess(api.server), options);
  expect(await failureOf(client.list(PODS, {}, never))).toMatchObject({ code: 0, reason: 'Unreachable' });
  client.close();
});

test('an abort ends the call with its reason, also before it began', async () => {
  const arrived = Promise.withResolvers<void>();
  await using api = await startFakeApi(() => arrived.resolve());
  const client = createKubeClient(fakeAccess(api.server), options);
  const controller = new AbortController();
  const reason = new Error('stopping');
  const running = client.get(NODES, { name: 'n' }, controller.signal);
  await arrived.promise;
  controller.abort(reason);
  await expect(running).rejects.toBe(reason);
  await expect(client.get(NODES, { name: 'n' }, controller.signal)).rejects.toBe(reason);
  expect(api.seen).toHaveLength(1);
  client.close();
});

test('an answer that is not JSON', async () => {
  await using api = await startFakeApi(() => ({ body: '<html>' }));
  const client = createKubeClient(fakeAccess(api.server), options);
  const failure = await failureOf(client.get(NODES, { name: 'n' }, never));
  expect(failure).toMatchObject({ code: 200, reason: 'BadAnswer' });
  client.close();
});

test('a read that meets the end of an idle connection is sent again; a write is not', async () => {
  // Each connection serves one call, stays open, and is reset when a second call comes on it.
  const used = new WeakSet<object>();
  await using api = await startFakeApi(({ raw }) => {
    if (used.has(raw.socket)) return void raw.socket.resetAndDestroy();
    used.add(raw.socket);
    return { body: {} };
  });
  const client = createKubeClient(fakeAccess(api.server), options);
  await client.get(NODES, { name: 'a' }, never);
  await client.get(NODES, { name: 'b' }, never);
  expect(api.connections()).toBe(2);
  const failure = await failureOf(client.create(NODES, { metadata: { name: 'c' } }, never));
  expect(failure).toMatchObject({ code: 0, reason: 'Unreachable' });
  expect(api.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  client.close();
});
