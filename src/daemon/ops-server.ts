import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { textOf } from '../model/fault.ts';
import { formatEndpoint, type Endpoint } from './endpoint.ts';
import { runChecks, type Checks, type HealthReport } from './health.ts';
import type { Component } from './lifecycle.ts';
import { listenOn } from './listen.ts';
import type { Log } from '../model/log.ts';

export interface OpsOptions {
  readonly endpoint: Endpoint;
  /** A failure asks for a restart. */
  readonly live: Checks;
  /** A failure asks not to be called for now. */
  readonly ready: Checks;
  /** The metrics page, in Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  readonly log: Log;
}

/** Serves /healthz, /readyz and /metrics at an address of its own, apart from what the process is there for. */
export function createOpsServer(options: OpsOptions): Component & { readonly address: () => Endpoint | undefined } {
  const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 120_000 }, answer(options));
  let address: Endpoint | undefined;
  return {
    name: 'ops server',
    address: () => address,
    start: async () => {
      address = await listenOn(server, options.endpoint);
      options.log.info({ address: formatEndpoint(address) }, 'serving health and metrics');
    },
    stop: () => close(server),
  };
}

function answer({ live, ready, metrics, log }: OpsOptions): RequestListener {
  const pages: Readonly<Record<string, (reply: ServerResponse) => void | Promise<void>>> = {
    '/healthz': (reply) => sendReport(reply, runChecks(live)),
    '/readyz': (reply) => sendReport(reply, runChecks(ready)),
    '/metrics': async (reply) => send(reply, 200, await metrics(), 'text/plain; version=0.0.4; charset=utf-8'),
  };
  const answerWith = async (path: string, reply: ServerResponse): Promise<void> => {
    try {
      await pages[path]?.(reply);
    } catch (error) {
      log.error({ method: path, err: error }, 'a page could not be made');
      send(reply, 500, `${textOf(error)}\n`);
    }
  };
  return (request, reply) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(reply, 405, 'only GET is served here\n');
    if (!Object.hasOwn(pages, path)) return send(reply, 404, 'here are /healthz, /readyz and /metrics\n');
    void answerWith(path, reply);
  };
}

const sendReport = (reply: ServerResponse, report: HealthReport): void =>
  send(reply, report.ok ? 200 : 503, report.text);

function send(reply: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  reply.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
}

function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
