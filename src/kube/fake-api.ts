import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

/** What the server was asked. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  /** Parsed JSON, undefined without a body. */
  readonly body: unknown;
  readonly raw: http.IncomingMessage;
}

/** An answer as JSON; a function answers in its own way, or never. */
export type Answer = { readonly status?: number; readonly headers?: http.OutgoingHttpHeaders; readonly body: unknown };
export type Handler = (seen: Seen, response: http.ServerResponse) => Answer | void | Promise<void>;

export interface FakeApi extends AsyncDisposable {
  readonly server: URL;
  readonly seen: readonly Seen[];
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Connections open now. */
  readonly open: () => number;
}

/** A real HTTP(S) server on the loopback for tests, whose answers are scripted. */
export async function startFakeApi(handler: Handler, tls?: https.ServerOptions): Promise<FakeApi> {
  const seen: Seen[] = [];
  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = seenFrom(request, Buffer.concat(chunks).toString('utf8'));
      seen.push(call);
      const answer = handler(call, response);
      if (answer && 'body' in answer) send(response, answer);
    });
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  let connections = 0;
  let open = 0;
  server.on('connection', (socket) => {
    connections += 1;
    open += 1;
    socket.once('close', () => (open -= 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    server: new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`),
    seen,
    connections: () => connections,
    open: () => open,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function seenFrom(request: http.IncomingMessage, text: string): Seen {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
  return {
    method: request.method ?? '',
    path: pathname,
    query: searchParams,
    headers: request.headers,
    body: text === '' ? undefined : JSON.parse(text),
    raw: request,
  };
}

function send(response: http.ServerResponse, { status = 200, headers, body }: Answer): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

/** The Status object of a refusal. */
export const refusal = (code: number, reason: string, message = reason): Answer => ({
  status: code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message },
});

/** Starts a watch's answer; the returned function writes one event. */
export function answerWatch(response: http.ServerResponse): (type: string, object: object) => void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  return (type, object) => void response.write(`${JSON.stringify({ type, object })}\n`);
}
