import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An extender that does the least: filter answers with the names that came, prioritize with no scores. */

const HEAD = Buffer.from('{"Nodes":null,"NodeNames":');
const TAIL = Buffer.from(',"FailedNodes":null,"FailedAndUnresolvableNodes":null,"Error":""}');
const NAMES = Buffer.from('"NodeNames":');
const NO_SCORES = Buffer.from('[]');

/** NodeNames is the last field that kube-scheduler sends: the list ends before the last brace. */
function namesIn(body: Buffer): Buffer {
  return body.subarray(body.lastIndexOf(NAMES) + NAMES.length, body.lastIndexOf('}'));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  const reply = request.url === '/filter' ? Buffer.concat([HEAD, namesIn(body), TAIL]) : NO_SCORES;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': reply.length });
  response.end(reply);
}

const server = createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('disconnect', () => process.exit()); // the benchmark has died
process.on('message', (ask) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else process.exit();
});
