import { createHash } from 'node:crypto';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { createWebServer, type WebLimits, type WebServer } from '../daemon/web-server.ts';
import { Fault } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import { createTurnstile } from './at-once.ts';
import { Denied } from './denied.ts';
import type { PageFile } from './files.ts';
import type { Gate } from './gate.ts';
import { ROUTES, type Handler } from './routes.ts';
import type { PageSource, PageState } from './source.ts';
import type { Refused } from './wire.ts';

export interface PageOptions {
  readonly gate: Gate;
  /** Who answers at this moment. */
  readonly state: () => PageState;
  /** What the browser gets, by path. */
  readonly files: Readonly<Record<string, PageFile>>;
  /** The folder of tls.crt, tls.key and ca.crt. Absent: plain HTTP, for this machine alone. */
  readonly tls?: { readonly dir: string };
  readonly log: Log;
}

const LIMITS: WebLimits = {
  ...{ keepAliveMs: 120_000, handshakeMs: 5000, headMs: 5000, callMs: 30_000 },
  ...{ checkEveryMs: 1000, maxConnections: 256 },
  // A token of an identity provider may name hundreds of groups (skooner#35).
  maxHeadBytes: 128 * 1024,
};
/** A name of Kubernetes has 253 characters at most; some are written with three. */
const MAX_NAME = 760;

/**
 * What every answer says to browsers: nothing but what this server itself gives is loaded, framed or run.
 * https://www.w3.org/TR/CSP3/
 */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/**
 * The page and its API, read-only. Who asks is said by a bearer token with every call of the API: there is no cookie
 * that a browser would send unasked. The caller listens, and closes.
 */
export function createPage(options: PageOptions): FastifyInstance {
  const { tls, log, files } = options;
  let web: WebServer | undefined;
  const app = fastify({
    logger: false,
    serverFactory: (handler) => {
      web = createWebServer(
        { limits: LIMITS, log, ...(tls && { tls: { ...tls, clientCertificates: false } }) },
        handler,
      );
      return web.server;
    },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_NAME },
  });
  app.addHook('onClose', async () => web?.stop());
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS));
  app.setNotFoundHandler((request, reply) => refuse(reply, notFound(request, files), log));
  app.setErrorHandler((error, _request, reply) => refuse(reply, error, log));
  for (const [path, file] of Object.entries(files))
    app.get(path, (request, reply) => send(request, reply.header('cache-control', 'no-cache'), file));
  const inTurn = createTurnstile();
  for (const [path, handler] of Object.entries(ROUTES))
    app.get(path, async (request, reply) => {
      const text = JSON.stringify(await answered(handler, request, reply, options, inTurn));
      return send(request, reply.header('cache-control', 'no-store'), { type: 'application/json', text });
    });
  return app;
}

async function answered(
  handler: Handler,
  request: FastifyRequest,
  reply: FastifyReply,
  { gate, state }: PageOptions,
  inTurn: ReturnType<typeof createTurnstile>,
): Promise<object> {
  const source = leading(state());
  const visitor = await gate.admit(request.headers.authorization, request.socket.remoteAddress ?? '');
  const params = request.params as Readonly<Record<string, string>>;
  const query = new URLSearchParams(request.url.split('?')[1] ?? '');
  const signal = callerGone(reply);
  return inTurn(() => handler({ source, visitor, params, query, signal }));
}

/** Throws Denied 503 where this replica waits, or does not know all yet. */
function leading(state: PageState): PageSource {
  if ('leader' in state) throw new NotLeading(state.leader);
  const problem = state.source.notReady();
  if (problem !== undefined) throw new Denied(503, `the operator has not read all objects yet: ${problem}`, 2);
  return state.source;
}

class NotLeading extends Denied {
  readonly leader: string | undefined;

  constructor(leader: string | undefined) {
    const who = leader === undefined ? 'nobody leads' : `pod ${leader} leads: ask there`;
    super(503, `this replica of the operator waits, and ${who}`, 5);
    this.leader = leader;
  }
}

/** Aborted when the connection ends before the answer was sent. */
function callerGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => reply.raw.writableFinished || gone.abort(new Denied(499, 'the browser went away')));
  return gone.signal;
}

/** Nothing where the browser has it already. */
function send(request: FastifyRequest, reply: FastifyReply, { type, text }: PageFile): FastifyReply {
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
  void reply.header('etag', tag);
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  return reply.header('content-type', `${type}; charset=utf-8`).send(text);
}

function notFound({ method, url }: FastifyRequest, files: PageOptions['files']): Denied {
  if (method !== 'GET' && method !== 'HEAD') return new Denied(405, 'this page is for looking: only GET is served');
  if (url === '/' && Object.keys(files).length === 0)
    return new Denied(
      404,
      'this program runs from its sources, where it has the API alone: npm run build, and run dist/',
    );
  return new Denied(404, `there is no ${url.slice(0, 200)} here`);
}

function refuse(reply: FastifyReply, error: unknown, log: Log): FastifyReply {
  const denied = deniedBy(error);
  if (denied.status === 500) log.error({ method: 'page', err: error }, 'a call of the page broke');
  const { status, message, retryAfterSeconds } = denied;
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', retryAfterSeconds);
  const leader = denied instanceof NotLeading ? denied.leader : undefined;
  const body: Refused = { error: message, ...(leader !== undefined && { leader }) };
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(body));
}

function deniedBy(error: unknown): Denied {
  if (error instanceof Denied) return error;
  if (error instanceof Fault && error.kind === 'invalid') return new Denied(400, error.message);
  const { statusCode } = error as { readonly statusCode?: number };
  // Of Fastify, such as a path that is no text.
  if (statusCode !== undefined && statusCode < 500) return new Denied(statusCode, 'this call is not understood');
  return new Denied(500, 'internal error in open-local; its log has more');
}
