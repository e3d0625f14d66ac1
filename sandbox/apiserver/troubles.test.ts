import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiServer, createApiServer } from './api-server.ts';

let server: ApiServer;
let url: string;
beforeEach(async () => {
  server = createApiServer();
  url = await server.listen();
});
afterEach(() => server.close());

const MAPS = '/api/v1/namespaces/default/configmaps';

function open(path: string, method = 'GET', body?: unknown): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' };
    const request = http.request(url + path, { method, headers, agent: false }, resolve);
    request.once('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
async function ask(
  path: string,
  method?: string,
  body?: unknown,
): Promise<{ code: number; wait: string | undefined; reason: string }> {
  const response = await open(path, method, body);
  const { reason = '' } = JSON.parse(await text(response)) as { reason?: string };
  return { code: response.statusCode ?? 0, wait: response.headers['retry-after'], reason };
}
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const add = (name: string) => ask(MAPS, 'POST', configMap(name));

/** The lines of an open watch, one by one. */
async function watch(query = ''): Promise<{
  next(): Promise<{ type: string; object: { metadata: { name?: string } } }>;
  response: http.IncomingMessage;
}> {
  const response = await open(
    `${MAPS}?watch=1&resourceVersion=${server.stored('namespaces', 'default')?.metadata.resourceVersion}${query}`,
  );
  response.on('error', () => {});
  let rest = '';
  response.setEncoding('utf8');
  return {
    response,
    async next() {
      while (!rest.includes('\n')) rest += String((await once(response, 'data'))[0]);
      const end = rest.indexOf('\n');
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      return JSON.parse(line) as { type: string; object: { metadata: { name?: string } } };
    },
  };
}

describe('refusals', () => {
  test.each([
    [409, 'Conflict'],
    [410, 'Expired'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
  ])('as many as are ordered are answered %d', async (code, reason) => {
    const trouble = server.troubles.fail({ resource: 'configmaps' }, { code }, 2);
    expect(await add('a')).toMatchObject({ code, reason });
    expect(await ask(MAPS)).toMatchObject({ code, reason });
    expect(await add('a')).toMatchObject({ code: 201 });
    expect(trouble.hits()).toBe(2);
  });

  test('Retry-After comes along', async () => {
    server.troubles.fail({}, { code: 429, retryAfterSeconds: 7 });
    expect(await ask(MAPS)).toMatchObject({ code: 429, wait: '7' });
  });

  test('only what matches is refused', async () => {
    await add('a');
    server.troubles.fail({ verb: 'patch', resource: 'configmaps', name: 'a', namespace: 'default' }, { code: 500 }, 9);
    expect(await ask(`${MAPS}/a`)).toMatchObject({ code: 200 });
    expect(await ask(`${MAPS}/b`, 'PATCH', {})).toMatchObject({ code: 404 });
    expect(await ask('/api/v1/namespaces/default', 'PATCH', {})).toMatchObject({ code: 200 });
    server.load({ ...configMap('a'), metadata: { name: 'a', namespace: 'kube-system' } });
    expect(await ask(`${MAPS.replace('default', 'kube-system')}/a`, 'PATCH', {})).toMatchObject({ code: 200 });
    expect(await ask(`${MAPS}/a`, 'PATCH', {})).toMatchObject({ code: 500 });
  });

  test('what is taken back refuses nothing', async () => {
    const trouble = server.troubles.fail({}, { code: 500 }, 9);
    server.troubles.fail({}, { code: 503 }, 9);
    trouble.remove();
    expect(await ask(MAPS)).toMatchObject({ code: 503 });
    server.troubles.clear();
    expect(await ask(MAPS)).toMatchObject({ code: 200 });
  });
});

describe('broken connections', () => {
  test('a reset comes before anything is done', async () => {
    server.troubles.fail({}, 'reset');
    await expect(add('a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(server.stored('configmaps', 'a', 'default')).toBeUndefined();
  });

  test('a lost answer is of something that was done', async () => {
    server.troubles.fail({}, 'lost');
    await expect(add('a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(server.stored('configmaps', 'a', 'default')).toMatchObject({ metadata: { name: 'a' } });
  });

  test.each(['hang', 'delay'] as const)('with %s nothing comes, while others are answered', async (how) => {
    const match = { verb: 'create' } as const;
    const trouble = how === 'hang' ? server.troubles.fail(match, 'hang') : server.troubles.delay(match, 3_600_000);
    const answer = add('a').catch((error: unknown) => error);
    await expect.poll(() => trouble.hits()).toBe(1);
    expect(await ask(MAPS)).toMatchObject({ code: 200 });
    expect(server.stored('configmaps', 'a', 'default')).toBeUndefined();
    await server.close();
    expect(await answer).toMatchObject({ code: 'ECONNRESET' });
    server = createApiServer();
    await server.listen();
  });

  test('a delayed request is answered in the end', async () => {
    const trouble = server.troubles.delay({ resource: 'configmaps' }, 1);
    expect(await add('a')).toMatchObject({ code: 201 });
    expect(trouble.hits()).toBe(1);
  });
});

describe('watches', () => {
  test('a silent watch says nothing and stays; a later one speaks', async () => {
    const silent = await watch();
    const lines: unknown[] = [];
    silent.response.on('data', (line) => lines.push(line));
    const trouble = server.troubles.silenceWatches({ resource: 'configmaps' });
    const born = await watch();
    born.response.on('data', (line) => lines.push(line));
    expect(trouble.hits()).toBe(2);
    trouble.remove();
    const loud = await watch();
    await add('a');
    expect(await loud.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    expect(lines).toEqual([]);
    expect([silent.response.closed, born.response.closed]).toEqual([false, false]);
  });

  test('a watch that is ended ends properly', async () => {
    const { response } = await watch();
    response.resume();
    const ended = once(response, 'end');
    expect(server.troubles.cutWatches('end', { resource: 'pods' })).toBe(0);
    expect(server.troubles.cutWatches('end', { resource: 'configmaps' })).toBe(1);
    await ended;
  });

  test('a watch that is reset breaks', async () => {
    const { response } = await watch();
    const broken = new Promise((resolve) => response.once('close', resolve));
    server.troubles.cutWatches('reset');
    await broken;
    expect(response.complete).toBe(false);
  });

  test('a refused watch is answered like any other request', async () => {
    server.troubles.fail({ verb: 'watch' }, { code: 410 });
    expect(await ask(`${MAPS}?watch=1`)).toMatchObject({ code: 410, reason: 'Expired' });
  });

  test('after compaction an older watch and an older page are told 410', async () => {
    await add('a');
    await add('b');
    const page = JSON.parse(await text(await open(`${MAPS}?limit=1`))) as { metadata: { continue: string } };
    await add('c');
    const { resourceVersion } = server.stored('configmaps', 'a', 'default')?.metadata ?? {};
    server.troubles.compact();
    const told = await text(await open(`${MAPS}?watch=1&resourceVersion=${resourceVersion}`));
    expect(JSON.parse(told)).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    expect(await ask(`${MAPS}?limit=1&continue=${page.metadata.continue}`)).toMatchObject({
      code: 410,
      reason: 'Expired',
    });
  });
});
