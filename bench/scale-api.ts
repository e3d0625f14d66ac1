import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claimAt, nodeAt, podAt, pvAt, storageAt, storageClass, volumeAt, VOLUMES_PER_NODE } from './objects.ts';

/** An API server that has a large cluster and never changes: lists in pages, and watches that only wait. Arguments: nodes, pods. */

const [nodes = 0, pods = 0] = process.argv.slice(2).map(Number);
const volumes = nodes * VOLUMES_PER_NODE;

const RESOURCES: Readonly<Record<string, { readonly count: number; readonly at: (i: number) => object }>> = {
  nodes: { count: nodes, at: nodeAt },
  nodelocalstorages: { count: nodes, at: (i) => storageAt(i) },
  localvolumes: { count: volumes, at: (i) => volumeAt(i) },
  persistentvolumeclaims: { count: volumes, at: (i) => claimAt(i) },
  persistentvolumes: { count: volumes, at: pvAt },
  pods: { count: pods, at: (i) => podAt(i, { nodes, volumes }) },
  storageclasses: { count: 1, at: () => storageClass },
};

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://x');
  request.resume();
  if (request.method !== 'GET') send(response, 201, '{}');
  else if (url.searchParams.has('watch'))
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  else list(url, response);
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('message', (ask) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else process.exit();
});

function list(url: URL, response: ServerResponse): void {
  const resource = RESOURCES[url.pathname.split('/').at(-1) ?? ''];
  const from = Number(url.searchParams.get('continue') ?? 0);
  const limit = Number(url.searchParams.get('limit') ?? 500);
  const count = resource?.count ?? 0;
  const items = Array.from({ length: Math.max(0, Math.min(limit, count - from)) }, (_, i) => resource?.at(from + i));
  const next = from + limit < count ? { continue: String(from + limit), remainingItemCount: count - from - limit } : {};
  send(
    response,
    200,
    JSON.stringify({ kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '1000000', ...next }, items }),
  );
}

function send(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}
