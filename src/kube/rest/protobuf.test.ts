import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { silentLog } from '../../model/log.ts';
import type { Node } from '../../model/objects.ts';
import { fakeAccess } from '../access/fake-access.ts';
import type { KubeClient, PageEnd, WatchEvent } from '../client.ts';
import { startFakeApi, type FakeApi } from '../fake-api.ts';
import { createInformer } from '../follow/informer.ts';
import { encode, encodeFrame, encodeList, encodeStatus, envelope } from '../protobuf/fake-encoder.ts';
import { message, one, text } from '../protobuf/schema.ts';
import { NODES } from '../resource.ts';
import { createKubeClient } from './rest-client.ts';

const never = new AbortController().signal;
/** For a busy machine: it is the state that counts. */
const eventually = { timeout: 20_000 };
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const ACCEPT = `${PROTOBUF}, application/json`;

const schema = message<Node>({
  metadata: one(1, message<Node['metadata']>({ name: text(1), uid: text(5), resourceVersion: text(6) })),
});
const node = (name: string, resourceVersion: string): Node => ({
  metadata: { name, uid: `u-${name}`, resourceVersion },
});
const bytesOf = (...nodes: Node[]): Buffer[] => nodes.map((each) => encode(schema, each));
const listOf = (resourceVersion: string, nodes: Node[], more = ''): Buffer =>
  encodeList('Node', bytesOf(...nodes), { resourceVersion, continue: more });
const event = (type: string, object: Node): Buffer => encodeFrame(type, envelope('Node', 'v1', encode(schema, object)));

const clientOf = ({ server }: FakeApi): KubeClient =>
  createKubeClient(fakeAccess(server), { userAgent: 'test', timeoutMs: 20_000 });

function answer(response: ServerResponse, body: Buffer, status = 200, type = PROTOBUF): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

interface Told {
  readonly objects: readonly Node[];
  readonly end?: PageEnd;
  readonly error?: unknown;
}

async function listed(client: KubeClient): Promise<Told> {
  const objects: Node[] = [];
  const tell = (object: Node): void => void objects.push(object);
  try {
    return { objects, end: await client.listEach<Node>(NODES, { schema, limit: 2 }, tell, never) };
  } catch (error) {
    return { objects, error };
  } finally {
    client.close();
  }
}

interface Watched {
  readonly events: readonly WatchEvent<Node>[];
  readonly error?: unknown;
}

async function watched(client: KubeClient): Promise<Watched> {
  const events: WatchEvent<Node>[] = [];
  try {
    for await (const each of client.watch<Node>(NODES, { schema, resourceVersion: '5' }, never)) events.push(each);
    return { events };
  } catch (error) {
    return { events, error };
  } finally {
    client.close();
  }
}

test('a list is asked for as protobuf, and told object by object, with how it goes on', async () => {
  await using api = await startFakeApi((_, response) =>
    answer(response, listOf('9', [node('a', '6'), node('b', '7')], 'more')),
  );
  expect(await listed(clientOf(api))).toEqual({
    objects: [node('a', '6'), node('b', '7')],
    end: { resourceVersion: '9', continue: 'more' },
  });
  expect(api.seen[0]?.headers.accept).toBe(ACCEPT);
});

test('an object of a list is told before the rest of it has come', async () => {
  const told = Promise.withResolvers<void>();
  const bytes = listOf('9', [node('a', '6'), node('b', '7')]);
  const half = bytes.length - 10;
  await using api = await startFakeApi((_, response) => {
    response.writeHead(200, { 'content-type': PROTOBUF }).write(bytes.subarray(0, half));
    void told.promise.then(() => response.end(bytes.subarray(half)));
  });
  const client = clientOf(api);
  const names: unknown[] = [];
  const tell = ({ metadata: { name } }: Node): void => {
    names.push(name);
    told.resolve();
  };
  await client.listEach<Node>(NODES, { schema }, tell, never);
  expect(names).toEqual(['a', 'b']);
  client.close();
});

test.each(['application/json', 'application/json; charset=utf-8', undefined])(
  'where the server answers in JSON (%s), objects are whole',
  async (type) => {
    const whole = { ...node('a', '6'), spec: { unschedulable: true } };
    await using api = await startFakeApi(({ query }, response) => {
      response.writeHead(200, type === undefined ? {} : { 'content-type': type });
      const list = { metadata: { resourceVersion: '9' }, items: [whole] };
      response.end(query.has('watch') ? `${JSON.stringify({ type: 'ADDED', object: whole })}\n` : JSON.stringify(list));
    });
    expect(await listed(clientOf(api))).toEqual({ objects: [whole], end: { resourceVersion: '9' } });
    expect(await watched(clientOf(api))).toEqual({ events: [{ type: 'ADDED', object: whole }] });
  },
);

test('without a schema JSON is asked for, and protobuf is refused', async () => {
  await using api = await startFakeApi((_, response) => answer(response, listOf('9', [])));
  const client = clientOf(api);
  const problem = `GET /api/v1/nodes: the answer is ${PROTOBUF}, which was not asked for: look at what stands before the API server`;
  await expect(client.listEach(NODES, {}, () => {}, never)).rejects.toThrow(problem);
  expect(api.seen[0]?.headers.accept).toBe('application/json');
  client.close();
});

const badLists: [string, (response: ServerResponse) => void, object][] = [
  [
    'HTML of a proxy',
    (response) => answer(response, Buffer.from('<html>'), 200, 'text/html; charset=utf-8'),
    { reason: 'BadAnswer', message: expect.stringContaining('the answer is text/html') },
  ],
  [
    'a list of something else',
    (response) => answer(response, encodeList('Pod', [], { resourceVersion: '1' })),
    { reason: 'BadAnswer', message: 'GET /api/v1/nodes: the answer cannot be read: it is a PodList, not a NodeList' },
  ],
  [
    'bytes that are none',
    (response) => answer(response, Buffer.from('no')),
    { reason: 'BadAnswer', message: expect.stringContaining('it ends too early') },
  ],
  [
    'JSON that is none',
    (response) => answer(response, Buffer.from('{"items":[{'), 200, 'application/json'),
    { reason: 'BadAnswer', message: expect.stringContaining('not JSON: {"items":[{') },
  ],
  [
    'a Status',
    (response) => answer(response, encodeStatus({ code: 410, reason: 'Expired', message: 'too old' }), 410),
    { code: 410, reason: 'Expired', message: 'GET /api/v1/nodes: too old' },
  ],
  [
    'a Status with a wait',
    (response) =>
      answer(
        response,
        encodeStatus({ code: 429, reason: 'TooManyRequests', message: 'slow', retryAfterSeconds: 3 }),
        429,
      ),
    { code: 429, retryAfterMs: 3000 },
  ],
  [
    'an error that is no Status',
    (response) => answer(response, Buffer.from('k8s\0oh'), 500),
    { code: 500, reason: 'InternalError' },
  ],
];

// Of an aggregated API server: https://github.com/kubernetes/kubernetes/issues/50342
badLists.push([
  'a Status that comes as a success',
  (response) => answer(response, encodeStatus({ code: 406, reason: 'NotAcceptable', message: 'no protobuf' })),
  { code: 200, reason: 'BadAnswer', message: expect.stringContaining('it is a Status, not a NodeList') },
]);

test.each(badLists)('a list that is %s fails with what it was', async (_, end, want) => {
  await using api = await startFakeApi((_, response) => end(response));
  const { objects, error } = await listed(clientOf(api));
  expect(objects).toEqual([]);
  expect(error).toMatchObject({ name: 'ApiError', ...want });
});

test.each([
  ['ends', (response: ServerResponse): void => void response.end(), 'it ends too early'],
  ['is reset', (response: ServerResponse): void => void response.socket?.resetAndDestroy(), 'aborted'],
])('a list whose connection %s in the middle fails, and nothing hangs', async (_, stop, problem) => {
  const bytes = listOf('9', [node('a', '6'), node('b', '7')]);
  await using api = await startFakeApi((_, response) => {
    response.writeHead(200, { 'content-type': PROTOBUF }).write(bytes.subarray(0, bytes.length - 12));
    void setImmediate().then(() => stop(response));
  });
  const { error } = await listed(clientOf(api));
  expect(error).toMatchObject({ name: 'ApiError', message: expect.stringContaining(problem) });
  await expect.poll(api.open, eventually).toBe(0);
});

test('events of a watch come in frames, bookmarks as a version, cut anywhere', async () => {
  const bytes = Buffer.concat([
    event('ADDED', node('knoten-ö-🖴', '6')),
    event('MODIFIED', node('a', '7')),
    event('DELETED', node('a', '8')),
    event('BOOKMARK', { metadata: { resourceVersion: '9' } }),
    event('SOMETHING-NEW', node('a', '10')),
  ]);
  await using api = await startFakeApi(async (_, response) => {
    response.writeHead(200, { 'content-type': `${PROTOBUF};stream=watch` });
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
      await setImmediate();
    }
    response.end();
  });
  expect(await watched(clientOf(api))).toEqual({
    events: [
      { type: 'ADDED', object: node('knoten-ö-🖴', '6') },
      { type: 'MODIFIED', object: node('a', '7') },
      { type: 'DELETED', object: node('a', '8') },
      { type: 'BOOKMARK', resourceVersion: '9' },
    ],
  });
  expect(api.seen[0]?.headers.accept).toBe(ACCEPT);
});

const first = event('ADDED', node('a', '6'));
const gone = encodeStatus({ code: 410, reason: 'Expired', message: 'too old' });
const badWatches: [string, Buffer, object][] = [
  [
    'an ERROR event',
    encodeFrame('ERROR', gone),
    { code: 410, reason: 'Expired', message: 'GET /api/v1/nodes: too old' },
  ],
  [
    'half a frame',
    first.subarray(0, -1),
    { code: 0, message: 'GET /api/v1/nodes: the watch ended in the middle of an event' },
  ],
  [
    'a frame longer than any object',
    Buffer.from([0x7f, 0xff, 0xff, 0xff]),
    { reason: 'BadAnswer', message: expect.stringContaining('a frame of 2147483647 bytes') },
  ],
  [
    'a frame that is no event',
    encodeFrame('ADDED', Buffer.from('no')),
    { reason: 'BadAnswer', message: expect.stringContaining('not with "k8s"') },
  ],
  ['an empty frame', Buffer.alloc(4), { reason: 'BadAnswer' }],
  [
    'an error without a Status',
    encodeFrame('ERROR', envelope('Node', 'v1', Buffer.alloc(0))),
    { code: 500, reason: 'InternalError' },
  ],
  [
    'a Status where an object should be',
    encodeFrame('ADDED', gone),
    { reason: 'BadAnswer', message: expect.stringContaining('an event ADDED has a Status, not a Node') },
  ],
  [
    'an object of another kind',
    encodeFrame('ADDED', envelope('Pod', 'v1', Buffer.alloc(0))),
    { reason: 'BadAnswer', message: expect.stringContaining('an event ADDED has a Pod, not a Node') },
  ],
];

test.each(badWatches)('a watch that goes on with %s fails after what came before', async (_, bytes, want) => {
  await using api = await startFakeApi((_, response) =>
    answer(response, Buffer.concat([first, bytes]), 200, `${PROTOBUF};stream=watch`),
  );
  const { events, error } = await watched(clientOf(api));
  expect(events).toEqual([{ type: 'ADDED', object: node('a', '6') }]);
  expect(error).toMatchObject({ name: 'ApiError', ...want });
  await expect.poll(api.open, eventually).toBe(0);
});

test('an informer whose watch cannot be read, again and again, lists anew', async () => {
  let lists = 0;
  await using api = await startFakeApi(({ query }, response) => {
    if (query.has('watch'))
      return answer(response, encodeFrame('ADDED', Buffer.from('no')), 200, `${PROTOBUF};stream=watch`);
    lists += 1;
    answer(response, listOf(String(lists), [node(`n${lists}`, String(lists))]));
  });
  const client = clientOf(api);
  const stopping = new AbortController();
  const backoff = { baseMs: 1, maxMs: 2 };
  const informer = createInformer({
    client,
    resource: NODES,
    project: (each: Node) => each,
    schema,
    backoff,
    log: silentLog,
  });
  const running = informer.run(stopping.signal);
  await expect.poll(() => informer.health().lists, eventually).toBeGreaterThan(2);
  expect(informer.health().lastError).toContain('the answer cannot be read');
  expect(informer.values.size).toBe(1);
  stopping.abort();
  await running;
  client.close();
});
