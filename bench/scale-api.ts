import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { claimAt, nodeAt, podAt, pvAt, storageAt, storageClass, volumeAt, VOLUMES_PER_NODE } from './objects.ts';

/**
 * An API server that has a large cluster and never changes: lists in pages, and watches that only wait. Arguments:
 * nodes, pods. Every object is serialized before it listens, so that an answer costs only sending bytes, and the reader
 * alone is measured.
 */

const [nodes = 0, pods = 0] = process.argv.slice(2).map(Number);
const volumes = nodes * VOLUMES_PER_NODE;

/**
 * The JSON of all objects of a kind, with commas between them, and where each one begins; the last entry is where one
 * more would.
 */
interface Printed {
  readonly text: Buffer;
  readonly starts: readonly number[];
}

const RESOURCES: Readonly<Record<string, Printed>> = {
  nodes: print(nodes, nodeAt),
  nodelocalstorages: print(nodes, (i) => storageAt(i)),
  localvolumes: print(volumes, (i) => volumeAt(i)),
  persistentvolumeclaims: print(volumes, (i) => claimAt(i)),
  persistentvolumes: print(volumes, pvAt),
  pods: print(pods, (i) => podAt(i, { nodes, volumes })),
  storageclasses: print(1, () => storageClass),
};
const NOTHING = print(0, () => ({}));

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://x');
  request.resume();
  if (request.method !== 'GET') send(response, 201, [Buffer.from('{}')]);
  else if (url.searchParams.has('watch'))
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  else list(url, response);
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('message', (ask) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else process.exit();
});

function print(count: number, at: (i: number) => object): Printed {
  const starts = [0];
  const pieces: Buffer[] = [];
  for (let i = 0, end = 0; i < count; i += 1) {
    const piece = Buffer.from(`${JSON.stringify(at(i))},`);
    pieces.push(piece);
    starts.push((end += piece.length));
  }
  return { text: Buffer.concat(pieces), starts };
}

function list(url: URL, response: ServerResponse): void {
  const { text, starts } = RESOURCES[url.pathname.split('/').at(-1) ?? ''] ?? NOTHING;
  const count = starts.length - 1;
  const from = Number(url.searchParams.get('continue') ?? 0);
  const to = Math.min(count, from + Number(url.searchParams.get('limit') ?? count));
  const next = to < count ? { continue: String(to), remainingItemCount: count - to } : {};
  const metadata = JSON.stringify({ resourceVersion: '1000000', ...next });
  const head = `{"kind":"List","apiVersion":"v1","metadata":${metadata},"items":[`;
  const items = text.subarray(starts[from], Math.max(starts[from] ?? 0, (starts[to] ?? 0) - 1));
  send(response, 200, [Buffer.from(head), items, Buffer.from(']}')]);
}

function send(response: ServerResponse, status: number, body: readonly Buffer[]): void {
  const length = body.reduce((sum, { length }) => sum + length, 0);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': length });
  for (const part of body) response.write(part);
  response.end();
}
