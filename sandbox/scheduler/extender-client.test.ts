import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pod } from '../../src/model/objects.ts';
import { createExtenderClient, type ExtenderClient } from './extender-client.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'default', uid: 'u' } };
const signal = new AbortController().signal;

let server: Server;
let client: ExtenderClient;
/** Next answers of the server, and the requests that it got. */
let reply: { status?: number; body: unknown };
let asked: { url: string | undefined; body: unknown }[];
let connections: number;

beforeEach(async () => {
  asked = [];
  connections = 0;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ url: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) as unknown });
      response.writeHead(reply.status ?? 200).end(JSON.stringify(reply.body));
    });
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = createExtenderClient({
    urlPrefix: `http://127.0.0.1:${(server.address() as AddressInfo).port}/scheduler/`,
    filterVerb: 'predicates',
    prioritizeVerb: 'priorities',
    weight: 10,
    timeoutMs: 5000,
  });
});
afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("filter sends Go's field names and sorts the nodes", async () => {
  reply = {
    body: { Nodes: null, NodeNames: ['a'], FailedNodes: { b: 'held' }, FailedAndUnresolvableNodes: { c: 'full' } },
  };
  const { feasible, rejected } = await client.filter(pod, ['a', 'b', 'c'], signal);
  expect(asked).toEqual([
    { url: '/scheduler/predicates', body: { Pod: pod, Nodes: null, NodeNames: ['a', 'b', 'c'] } },
  ]);
  expect(feasible).toEqual(['a']);
  expect(Object.fromEntries(rejected)).toEqual({
    b: { reason: 'held', unresolvable: false },
    c: { reason: 'full', unresolvable: true },
  });
});

test('all null means no node', async () => {
  reply = { body: { Nodes: null, NodeNames: null, FailedNodes: null, FailedAndUnresolvableNodes: null, Error: '' } };
  expect((await client.filter(pod, ['a'], signal)).feasible).toEqual([]);
});

test.each([
  [{ body: { Error: 'not synced' } }, /not synced/],
  [{ body: { NodeNames: ['stranger'] } }, /"stranger" which is not in the input/],
  [{ status: 500, body: {} }, /code 500/],
])('filter fails on %j', async (answer, message) => {
  reply = answer;
  await expect(client.filter(pod, ['a'], signal)).rejects.toThrow(message);
});

test('scores are weighed; a failed prioritize scores nothing', async () => {
  reply = { body: [{ Host: 'a', Score: 7 }] };
  expect(await client.prioritize(pod, ['a'], signal)).toEqual(new Map([['a', 70]]));
  reply = { status: 500, body: {} };
  expect(await client.prioritize(pod, ['a'], signal)).toEqual(new Map());
});

test('calls share one connection', async () => {
  reply = { body: { NodeNames: ['a'] } };
  for (let i = 0; i < 5; i += 1) await client.filter(pod, ['a'], signal);
  expect(connections).toBe(1);
});
