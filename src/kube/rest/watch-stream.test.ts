import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Node } from '../../model/objects.ts';
import type { KubeClient, WatchEvent, WatchOptions } from '../client.ts';
import { ApiError } from '../errors.ts';
import { fakeAccess } from '../access/fake-access.ts';
import { answerWatch, refusal, startFakeApi } from '../fake-api.ts';
import { NODES } from '../resource.ts';
import { createKubeClient } from './rest-client.ts';

const never = new AbortController().signal;
/** For a busy machine: it is the state that counts. */
const eventually = { timeout: 20_000 };
const from5: WatchOptions = { resourceVersion: '5' };
const clientOf = (server: URL, timeoutMs = 20_000): KubeClient =>
  createKubeClient(fakeAccess(server), { userAgent: 'test', timeoutMs });
const node = (name: string, resourceVersion: string): Node => ({ metadata: { name, resourceVersion } });

interface Watched {
  readonly events: WatchEvent<Node>[];
  readonly error?: unknown;
}

/** Everything a watch tells until it ends. */
async function watched(client: KubeClient, options = from5, signal = never): Promise<Watched> {
  const events: WatchEvent<Node>[] = [];
  try {
    for await (const event of client.watch<Node>(NODES, options, signal)) events.push(event);
    return { events };
  } catch (error) {
    return { events, error };
  }
}

test('events come as they are, bookmarks as a version; a clean end is quiet', async () => {
  await using api = await startFakeApi((_, response) => {
    const event = answerWatch(response);
    event('ADDED', node('a', '6'));
    event('MODIFIED', node('a', '7'));
    event('DELETED', node('a', '8'));
    event('BOOKMARK', { kind: 'Node', metadata: { resourceVersion: '9' } });
    event('SOMETHING-NEW', node('a', '10'));
    response.end();
  });
  const client = clientOf(api.server);
  expect(await watched(client, { ...from5, labelSelector: 'a=b', timeoutSeconds: 77 })).toEqual({
    events: [
      { type: 'ADDED', object: node('a', '6') },
      { type: 'MODIFIED', object: node('a', '7') },
      { type: 'DELETED', object: node('a', '8') },
      { type: 'BOOKMARK', resourceVersion: '9' },
    ],
  });
  client.close();
  expect(Object.fromEntries(api.seen[0]?.query ?? [])).toEqual({
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '77',
    resourceVersion: '5',
    labelSelector: 'a=b',
  });
});

test('an event may be cut anywhere, also inside a character', async () => {
  const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: node('knoten-ö-🖴', '6') })}\n`);
  await using api = await startFakeApi(async (_, response) => {
    for (const byte of line) {
      response.write(Buffer.of(byte));
      await setImmediate();
    }
    response.end();
  });
  const client = clientOf(api.server);
  expect(await watched(client)).toEqual({ events: [{ type: 'ADDED', object: node('knoten-ö-🖴', '6') }] });
  client.close();
});

const ends: { name: string; end: (response: ServerResponse) => void; want: object }[] = [
  {
    name: 'an ERROR event 410',
    end: (response) =>
      answerWatch(response)('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }),
    want: { code: 410, reason: 'Expired', message: 'GET /api/v1/nodes: too old' },
  },
  {
    name: 'an ERROR event 500',
    end: (response) => answerWatch(response)('ERROR', { kind: 'Status', code: 500, message: 'oh' }),
    want: { code: 500, reason: 'InternalError' },
  },
  {
    name: 'half an event',
    end: (response) => void response.writeHead(200).end('{"type":"ADDED","obj'),
    want: { code: 0, message: 'GET /api/v1/nodes: the watch ended in the middle of an event' },
  },
  {
    name: 'a line that is no event',
    end: (response) => void response.writeHead(200).end('{"type":"ADDED"}\n'),
    want: { code: 200, reason: 'BadAnswer' },
  },
  {
    name: 'a reset connection',
    end: (response) => {
      answerWatch(response);
      setImmediate().then(
        () => response.socket?.resetAndDestroy(),
        () => {},
      );
    },
    want: { code: 0, reason: 'Unreachable' },
  },
];

test.each(ends)('a watch that ends with $name', async ({ end, want }) => {
  await using api = await startFakeApi((_, response) => end(response));
  const client = clientOf(api.server);
  const { events, error } = await watched(client);
  client.close();
  expect(events).toEqual([]);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject(want);
  await expect.poll(api.open, eventually).toBe(0);
});

test('a watch that breaks on a connection used before is not started again behind the reader', async () => {
  await using api = await startFakeApi(({ query }, response) => {
    if (!query.has('watch')) return { body: { items: [], metadata: {} } };
    answerWatch(response)('ADDED', node('a', '6'));
    setImmediate().then(
      () => response.socket?.resetAndDestroy(),
      () => {},
    );
    return undefined;
  });
  const client = clientOf(api.server);
  await client.list(NODES, {}, never);
  expect((await watched(client)).error).toMatchObject({ code: 0, reason: 'Unreachable' });
  await client.list(NODES, {}, never);
  client.close();
  expect(api.seen.map(({ query }) => query.has('watch'))).toEqual([false, true, false]);
});

test('a refused watch is an ApiError with the wait that was asked for', async () => {
  await using api = await startFakeApi(() => ({ ...refusal(429, 'TooManyRequests'), headers: { 'retry-after': '1' } }));
  const client = clientOf(api.server);
  expect((await watched(client)).error).toMatchObject({ code: 429, retryAfterMs: 1000 });
  client.close();
});

test('a silent connection ends the watch quietly and is closed', async () => {
  await using api = await startFakeApi((_, response) => void answerWatch(response));
  const client = clientOf(api.server);
  expect(await watched(client, { ...from5, silenceMs: 30 })).toEqual({ events: [] });
  await expect.poll(api.open, eventually).toBe(0);
  client.close();
});

test('a watch whose start is never answered fails at the deadline', async () => {
  await using api = await startFakeApi(() => {});
  const client = clientOf(api.server, 30);
  expect((await watched(client)).error).toMatchObject({ code: 0, reason: 'Timeout' });
  client.close();
});

test('a watch lives longer than the deadline of a call, as long as it is not silent', async () => {
  const opened = Promise.withResolvers<ServerResponse>();
  await using api = await startFakeApi((_, response) => {
    answerWatch(response)('ADDED', node('a', '6'));
    opened.resolve(response);
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const client = clientOf(api.server, 20_000);
    const events = client.watch<Node>(NODES, { ...from5, silenceMs: 150_000 }, never)[Symbol.asyncIterator]();
    await events.next();
    for (const version of ['7', '8']) {
      const next = events.next();
      await setImmediate();
      vi.advanceTimersByTime(140_000);
      (await opened.promise).write(`${JSON.stringify({ type: 'MODIFIED', object: node('a', version) })}\n`);
      expect(await next).toEqual({ done: false, value: { type: 'MODIFIED', object: node('a', version) } });
    }
    const end = events.next();
    await setImmediate();
    vi.advanceTimersByTime(150_000);
    expect(await end).toEqual({ done: true, value: undefined });
    client.close();
  } finally {
    vi.useRealTimers();
  }
});

test('an abort ends the watch with its reason and closes the connection', async () => {
  const controller = new AbortController();
  await using api = await startFakeApi((_, response) => answerWatch(response)('ADDED', node('a', '6')));
  const client = clientOf(api.server);
  const reason = new Error('stopping');
  const events = client.watch(NODES, from5, controller.signal)[Symbol.asyncIterator]();
  await events.next();
  const next = events.next();
  controller.abort(reason);
  await expect(next).rejects.toBe(reason);
  await expect.poll(api.open, eventually).toBe(0);
  client.close();
});

test('a reader that stops closes the connection', async () => {
  await using api = await startFakeApi((_, response) => answerWatch(response)('ADDED', node('a', '6')));
  const client = clientOf(api.server);
  for await (const event of client.watch(NODES, from5, never)) {
    expect(event.type).toBe('ADDED');
    break;
  }
  await expect.poll(api.open, eventually).toBe(0);
  client.close();
});
