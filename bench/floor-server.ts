import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The floor: reads a call whole and answers a constant of as many bytes as the path says. Nothing can be faster over
 * node:http.
 */

const replies = new Map<number, Buffer>();

function constant(bytes: number): Buffer {
  const known = replies.get(bytes) ?? Buffer.alloc(bytes, 'x');
  replies.set(bytes, known);
  return known;
}

const server = createServer((request, response) => {
  request.on('data', () => {});
  request.on('end', () => {
    const reply = constant(Number(request.url?.slice(1)));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': reply.length });
    response.end(reply);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('message', (ask) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else process.exit();
});
