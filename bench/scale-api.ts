import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bytesField, encode, envelope, textField } from '../src/kube/protobuf/fake-encoder.ts';
import { claimAt, nodeAt, podAt, pvAt, storageAt, storageClass, volumeAt, VOLUMES_PER_NODE } from './objects.ts';
import { forWire, WIRE } from './wire-schemas.ts';

/**
 * An API server that has a large cluster: lists in pages, and watches that hear of nothing but the volumes that a
 * message names. Whoever is asked about may see everything. Arguments: nodes, pods, `protobuf` or `json`; the first
 * holds for Kubernetes' own kinds. Every object is encoded before it listens, so that an answer costs only sending
 * bytes, and the reader alone is measured.
 */

const [, , nodesGiven, podsGiven, format = 'protobuf'] = process.argv;
const [nodes, pods] = [Number(nodesGiven), Number(podsGiven)];
const volumes = nodes * VOLUMES_PER_NODE;
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** All objects of a kind as they stand in a list, and where each one begins; the last entry is where one more would. */
interface Printed {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
}

const RESOURCES: Readonly<Record<string, Printed>> = {
  nodes: print('nodes', nodes, nodeAt),
  nodelocalstorages: print('nodelocalstorages', nodes, (i) => storageAt(i)),
  localvolumes: print('localvolumes', volumes, (i) => volumeAt(i)),
  persistentvolumeclaims: print('persistentvolumeclaims', volumes, (i) => claimAt(i)),
  persistentvolumes: print('persistentvolumes', volumes, pvAt),
  pods: print('pods', pods, (i) => podAt(i, { nodes, volumes })),
  storageclasses: print('storageclasses', 1, () => storageClass),
};
const NOTHING = print('', 0, () => ({}));
/** TokenReview and SubjectAccessReview in one: what was posted is known, and allowed. */
const REVIEWED = Buffer.from(
  JSON.stringify({ status: { authenticated: true, allowed: true, user: { username: 'bench' } } }),
);

/** A volume, by its number, that has another size from now on. */
export interface VolumeGrown {
  readonly volume: number;
  readonly sizeBytes: number;
}

const watchers = new Set<ServerResponse>();
let changes = 0;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://x');
  const resource = url.pathname.split('/').at(-1) ?? '';
  const wire = format === 'protobuf' ? WIRE[resource] : undefined;
  const contentType = wire ? PROTOBUF : 'application/json';
  request.resume();
  if (request.method !== 'GET') send(response, 201, 'application/json', [REVIEWED]);
  else if (!(request.headers.accept ?? '').includes(contentType)) send(response, 406, 'text/plain', []);
  else if (url.searchParams.has('watch')) watch(resource, response.writeHead(200, { 'content-type': contentType }));
  else list(url, RESOURCES[resource] ?? NOTHING, wire?.kind, response);
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('message', (ask: 'usage' | 'stop' | VolumeGrown) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else if (ask === 'stop') process.exit();
  else grow(ask);
});

function watch(resource: string, response: ServerResponse): void {
  response.flushHeaders();
  if (resource !== 'localvolumes') return;
  watchers.add(response);
  response.on('close', () => watchers.delete(response));
}

/** Tells all that watch volumes of one that has another size. */
function grow({ volume, sizeBytes }: VolumeGrown): void {
  changes += 1;
  const object = volumeAt(volume, sizeBytes) as { metadata: object };
  Object.assign(object.metadata, { resourceVersion: String(1_000_000 + changes) });
  for (const response of watchers) response.write(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
}

function print(resource: string, count: number, at: (i: number) => object): Printed {
  const wire = format === 'protobuf' ? WIRE[resource] : undefined;
  const starts = [0];
  const pieces: Buffer[] = [];
  for (let i = 0, end = 0; i < count; i += 1) {
    const piece = wire
      ? bytesField(2, encode(wire.schema, forWire(at(i)) as object))
      : Buffer.from(`${JSON.stringify(at(i))},`);
    pieces.push(piece);
    starts.push((end += piece.length));
  }
  return { bytes: Buffer.concat(pieces), starts };
}

function list(url: URL, { bytes, starts }: Printed, kind: string | undefined, response: ServerResponse): void {
  const count = starts.length - 1;
  const from = Number(url.searchParams.get('continue') ?? 0);
  const to = Math.min(count, from + Number(url.searchParams.get('limit') ?? count));
  const items = bytes.subarray(starts[from], starts[to]);
  const next = to < count ? String(to) : '';
  if (kind === undefined) {
    const metadata = JSON.stringify({ resourceVersion: '1000000', continue: next, remainingItemCount: count - to });
    const head = Buffer.from(`{"kind":"List","apiVersion":"v1","metadata":${metadata},"items":[`);
    const withoutComma = items.subarray(0, Math.max(0, items.length - 1));
    return send(response, 200, 'application/json', [head, withoutComma, Buffer.from(']}')]);
  }
  const metadata = Buffer.concat([textField(1, ''), textField(2, '1000000'), textField(3, next)]);
  const body = envelope(`${kind}List`, 'v1', Buffer.concat([bytesField(1, metadata), items]));
  return send(response, 200, PROTOBUF, [body]);
}

function send(response: ServerResponse, status: number, contentType: string, body: readonly Buffer[]): void {
  const length = body.reduce((sum, { length }) => sum + length, 0);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length });
  for (const part of body) response.write(part);
  response.end();
}
